import { getMicrovmUsage } from '../api/usage.js';
import type { MicrovmState } from '../api/microvms.js';
import { duration } from '../format.js';
import { useQuery } from '../state/query.js';
import { Charges } from '../ui/charges.js';
import { Facts, Failure, Panel } from '../ui/panel.js';

export function MicrovmCostPanel({ id, state }: { readonly id: string; readonly state: MicrovmState }) {
  const { data, error } = useQuery(`usage ${id} ${state}`, (signal) => getMicrovmUsage(id, signal), { everyMs: 30_000 });
  return (
    <Panel title="Usage and cost" wide>
      {/* One that never ran has used nothing: the service says so in an error. */}
      {error?.status === 404 ? <p class="quiet">{error.message}</p> : <Failure error={error} />}
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
