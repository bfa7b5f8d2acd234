import { getLaunches, type Launch, type MicrovmState } from '../api/microvms.js';
import { ago, milliseconds } from '../format.js';
import { useQuery } from '../state/query.js';
import { Failure, Panel } from '../ui/panel.js';
import { Waterfall } from '../ui/waterfall.js';

const NAMES = { RUN: 'Launch', RESUME: 'Resume' } as const;

export function LaunchPanel({ id, state }: { readonly id: string; readonly state: MicrovmState }) {
  const { data, error } = useQuery(`launches ${id} ${state}`, (signal) => getLaunches(id, signal), { topic: id });
  const [newest, ...older] = data ?? [];
  return (
    <Panel title="Launches and resumes">
      <Failure error={error} />
      {data !== undefined && newest === undefined && <p class="quiet">None measured yet.</p>}
      {newest !== undefined && <LaunchView launch={newest} />}
      {older.length > 0 && (
        <details>
          <summary>{older.length} earlier</summary>
          {older.map((launch) => <LaunchView key={launch.startedAt} launch={launch} />)}
        </details>
      )}
    </Panel>
  );
}

function LaunchView({ launch: { kind, startedAt, totalMs, phases } }: { readonly launch: Launch }) {
  const name = NAMES[kind];
  return (
    <div class="launch">
      <p><strong>{name}</strong> in {milliseconds(totalMs)} <span class="quiet">{ago(startedAt)}</span></p>
      <Waterfall label={`Phases of the ${name.toLowerCase()}`} spans={phases} totalMs={totalMs} />
    </div>
  );
}
