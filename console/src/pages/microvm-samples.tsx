import { getSamples, type MicrovmState } from '../api/microvms.js';
import { bytes, vcpus } from '../format.js';
import { useQuery } from '../state/query.js';
import { Chart } from '../ui/chart.js';
import { Failure, Panel } from '../ui/panel.js';

export function SamplesPanel({ id, state }: { readonly id: string; readonly state: MicrovmState }) {
  const { data, error } = useQuery(`samples ${id} ${state}`, (signal) => getSamples(id, signal), { everyMs: state === 'RUNNING' ? 5_000 : 30_000 });
  const samples = data?.samples ?? [];
  return (
    <Panel title="CPU and memory">
      <Failure error={error} />
      {data !== undefined && samples.length < 2 && <p class="quiet">{state === 'RUNNING' || state === 'PENDING' ? `Measured every ${data.intervalSeconds} s; two values make a line.` : 'Nothing measured in the last hour.'}</p>}
      {samples.length >= 2 && (
        <>
          <Chart title="CPU" points={samples.map(({ at, cpu }) => ({ at, value: cpu }))} format={vcpus} />
          <Chart title="Memory" points={samples.map(({ at, memoryBytes }) => ({ at, value: memoryBytes }))} format={bytes} />
        </>
      )}
    </Panel>
  );
}
