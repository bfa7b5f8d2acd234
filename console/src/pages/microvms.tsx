import { useState } from 'preact/hooks';
import { getTop, listMicrovms, type MicrovmSummary } from '../api/microvms.js';
import { ago, bytes, dateTime, duration, lastOfArn, shortId, vcpus } from '../format.js';
import { useNow, useQuery } from '../state/query.js';
import { Link } from '../ui/link.js';
import { Failure, Loading, PageHead } from '../ui/panel.js';
import { State } from '../ui/state.js';

type Shown = 'live' | 'ended' | 'all';

const isLive = ({ state }: MicrovmSummary): boolean => state !== 'TERMINATED';
const FILTERS: readonly (readonly [Shown, string, (vm: MicrovmSummary) => boolean])[] = [
  ['live', 'Live', isLive], ['ended', 'Terminated', (vm) => !isLive(vm)], ['all', 'All', () => true],
];

export function MicrovmsPage() {
  const { data, error } = useQuery('microvms', listMicrovms, { topic: 'microvms' });
  const [shown, setShown] = useState<Shown>('live');
  const wanted = FILTERS.find(([name]) => name === shown)?.[2] ?? isLive;
  const rows = data?.filter(wanted).sort((a, b) => b.startedAt - a.startedAt);
  return (
    <>
      <PageHead title="MicroVMs" actions={<Link to="/images" class="button primary">Run an image</Link>} />
      <Failure error={error} />
      {data === undefined && error === undefined && <Loading />}
      {data !== undefined && (
        <div class="filters" role="group" aria-label="Which MicroVMs">
          {FILTERS.map(([name, label, of]) => <button key={name} type="button" aria-pressed={shown === name} onClick={() => setShown(name)}>{label} <span class="count">{data.filter(of).length}</span></button>)}
        </div>
      )}
      {rows?.length === 0 && (
        <div class="empty">
          <p>{shown === 'live' ? 'Nothing runs.' : 'None.'}</p>
          {shown === 'live' && <p class="quiet">A MicroVM is run from an <Link to="/images">image</Link>: it starts from the image's snapshot, in a moment.</p>}
        </div>
      )}
      {rows !== undefined && rows.length > 0 && <MicrovmTable rows={rows} />}
    </>
  );
}

/** With what each uses now, as far as the key may know. */
export function MicrovmTable({ rows }: { readonly rows: readonly MicrovmSummary[] }) {
  const top = useQuery('top', getTop, { topic: 'microvms', everyMs: 5_000 });
  const used = new Map(top.data?.map((row) => [row.microvmId, row]));
  const now = useNow(5_000);
  return (
    <table class="list">
      <thead><tr><th scope="col">MicroVM</th><th scope="col">State</th><th scope="col">Image</th><th scope="col" class="number">CPU</th><th scope="col" class="number">Memory</th><th scope="col" class="number">Running</th><th scope="col">Started</th></tr></thead>
      <tbody>
        {rows.map((vm) => {
          const row = used.get(vm.microvmId);
          return (
            <tr key={vm.microvmId}>
              <th scope="row"><Link to={`/microvms/${vm.microvmId}`} class="code">{shortId(vm.microvmId)}</Link></th>
              <td data-label="State"><State of={vm.state} /></td>
              <td data-label="Image"><span><Link to={`/images/${lastOfArn(vm.imageArn)}`}>{lastOfArn(vm.imageArn)}</Link> <span class="quiet">{vm.imageVersion}</span></span></td>
              <td data-label="CPU" class="number">{row?.cpu == null ? '–' : vcpus(row.cpu)}</td>
              <td data-label="Memory" class="number">{row?.memoryBytes == null ? '–' : `${bytes(row.memoryBytes)} of ${row.memoryMiB} MiB`}</td>
              <td data-label="Running" class="number">{row === undefined ? '–' : duration(row.runningSeconds)}</td>
              <td data-label="Started"><time title={dateTime(vm.startedAt)}>{ago(vm.startedAt, now)}</time></td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
