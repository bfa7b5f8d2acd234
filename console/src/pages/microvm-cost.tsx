import { getMicrovmUsage } from '../api/usage';
import type { MicrovmState } from '../api/microvms';
import { duration } from '../format';
import { useQuery } from '../state/query';
import { Charges } from '../ui/charges';
import { Facts, Failure, Panel } from '../ui/panel';

export function MicrovmCostPanel({ id, state }: { readonly id: string; readonly state: MicrovmState }) {
  const { data, error } = useQuery(`usage ${id} ${state}`, (signal) => getMicrovmUsage(id, signal), { everyMs: 30_000 });
  return (
    <Panel title="Usage and cost" wide>
      <Failure error={error} />
      {data !== undefined && (
        <>
          <Facts of={[
            ['Running', duration(data.usage.runningSeconds)],
            ['Suspended', duration(data.usage.suspendedSeconds)],
            ['CPU time', duration(data.usage.cpuSeconds)],
            ['Launches', `${data.usage.launches}, ${data.usage.resumes} resumes, ${data.usage.suspends} suspends`],
          ]} />
          <Charges charges={data.charges} cost={data.cost} />
        </>
      )}
    </Panel>
  );
}
