import { getOutlook, type Microvm } from '../api/microvms.js';
import { ago, duration, timeOfDay } from '../format.js';
import { useNow, useQuery } from '../state/query.js';
import { Failure, Panel } from '../ui/panel.js';

const WORDS: Readonly<Record<string, string>> = { SUSPENDED: 'Suspended', TERMINATED: 'Terminated' };

/** What time will do to it if nobody does anything. */
export function OutlookPanel({ vm: { microvmId: id, state } }: { readonly vm: Microvm }) {
  const { data, error } = useQuery(`outlook ${id} ${state}`, (signal) => getOutlook(id, signal), { topic: id, everyMs: 5_000 });
  const now = useNow();
  return (
    <Panel title="What comes next">
      <Failure error={error} />
      {data?.transitions.length === 0 && <p class="quiet">Nothing is due.</p>}
      {data !== undefined && (
        <ol class="outlook">
          {data.transitions.map(({ to, at, because }) => (
            <li key={to}>
              <p><strong>{WORDS[to] ?? to}</strong> in {duration(at - now)} <span class="quiet">at {timeOfDay(at)}</span></p>
              <p class="quiet">{because}</p>
            </li>
          ))}
        </ol>
      )}
      {data?.lastActivityAt != null && <p class="quiet">Last byte through the endpoint, or start: {ago(data.lastActivityAt, now)}.</p>}
    </Panel>
  );
}
