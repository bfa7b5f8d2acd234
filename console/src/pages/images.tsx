import { listImages } from '../api/images.js';
import { ago, dateTime } from '../format.js';
import { useNow, useQuery } from '../state/query.js';
import { Link } from '../ui/link.js';
import { Failure, Loading, PageHead } from '../ui/panel.js';
import { State } from '../ui/state.js';

export function ImagesPage() {
  const { data, error } = useQuery('images', listImages, { topic: 'images' });
  const now = useNow(5_000);
  const rows = data?.filter(({ state }) => state !== 'DELETED').sort((a, b) => b.createdAt - a.createdAt);
  return (
    <>
      <PageHead title="Images" actions={<Link to="/images/new" class="button primary">Create image</Link>} />
      <Failure error={error} />
      {data === undefined && error === undefined && <Loading />}
      {rows?.length === 0 && (
        <div class="empty">
          <p>No image yet.</p>
          <p class="quiet">An image is a zip with your application and a Dockerfile, built and kept as a snapshot that MicroVMs start from.</p>
          <p><Link to="/images/new" class="button primary">Create image</Link></p>
        </div>
      )}
      {rows !== undefined && rows.length > 0 && (
        <table class="list">
          <thead><tr><th scope="col">Image</th><th scope="col">State</th><th scope="col">Active version</th><th scope="col">Last failed</th><th scope="col">Created</th><th scope="col"><span class="hidden">Actions</span></th></tr></thead>
          <tbody>
            {rows.map(({ name, state, latestActiveImageVersion: active, latestFailedImageVersion: failed, createdAt }) => (
              <tr key={name}>
                <th scope="row"><Link to={`/images/${name}`}>{name}</Link></th>
                <td data-label="State"><State of={state} /></td>
                <td data-label="Active version">{active === null ? '–' : <Link to={`/images/${name}/versions/${active}`}>{active}</Link>}</td>
                <td data-label="Last failed">{failed === null ? '–' : <Link to={`/images/${name}/versions/${failed}`}>{failed}</Link>}</td>
                <td data-label="Created"><time title={dateTime(createdAt)}>{ago(createdAt, now)}</time></td>
                <td class="end">{active !== null && <Link to={`/images/${name}/run`} class="button small">Run<span class="hidden"> {name}</span></Link>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
