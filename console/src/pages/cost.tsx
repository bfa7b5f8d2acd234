import { useState } from 'preact/hooks';
import { getUsageReport } from '../api/usage.js';
import { bytes, dollars, duration } from '../format.js';
import { useQuery } from '../state/query.js';
import { Charges } from '../ui/charges.js';
import { TextField } from '../ui/field.js';
import { Failure, Loading, PageHead, Panel } from '../ui/panel.js';

const given = (day: string): string | undefined => (day === '' ? undefined : day);

export function CostPage() {
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const { data, error } = useQuery(`cost ${from} ${to}`, (signal) => getUsageReport(given(from), given(to), signal), { everyMs: 30_000 });
  return (
    <>
      <PageHead title="Cost" />
      <p class="lead">What this account used, and what AWS would have charged for it. Nobody is billed here.</p>
      <form class="inline" onSubmit={(event) => event.preventDefault()}>
        <TextField label="From (UTC)" type="date" value={from} max={given(to)} onText={setFrom} />
        <TextField label="To" type="date" value={to} min={given(from)} onText={setTo} />
      </form>
      <Failure error={error} />
      {data === undefined && error === undefined && <Loading />}
      {data !== undefined && (
        <>
          <dl class="tiles">
            <div><dt>Total</dt><dd>{dollars(data.cost)}</dd></div>
            <div><dt>MicroVMs</dt><dd>{data.microvms}</dd></div>
            <div><dt>Running</dt><dd>{duration(data.usage.runningSeconds)}</dd></div>
            <div><dt>Suspended</dt><dd>{duration(data.usage.suspendedSeconds)}</dd></div>
            <div><dt>CPU time</dt><dd>{duration(data.usage.cpuSeconds)}</dd></div>
            <div><dt>Peak memory</dt><dd>{bytes(data.usage.peakMemoryBytes)}</dd></div>
          </dl>
          <Panel title={`Charges, ${data.period.from} to ${data.period.to}`} wide><Charges charges={data.charges} cost={data.cost} /></Panel>
        </>
      )}
    </>
  );
}
