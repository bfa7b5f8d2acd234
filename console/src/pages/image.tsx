import type { SessionInfo } from '../api/client.js';
import { deleteImage, getImage, listVersions, type Version } from '../api/images.js';
import { listMicrovms } from '../api/microvms.js';
import { imageArn } from '../arn.js';
import { ago, dateTime } from '../format.js';
import { navigate } from '../state/router.js';
import { attempt } from '../state/notices.js';
import { useNow, useQuery } from '../state/query.js';
import { ConfirmButton } from '../ui/dialog.js';
import { Link } from '../ui/link.js';
import { Facts, Failure, Loading, PageHead, Panel } from '../ui/panel.js';
import { State } from '../ui/state.js';
import { TagsPanel } from '../ui/tags.js';
import { MicrovmTable } from './microvms.js';

export function ImagePage({ session, name }: { readonly session: SessionInfo; readonly name: string }) {
  const arn = imageArn(session, name);
  const image = useQuery(arn, (signal) => getImage(arn, signal), { topic: arn });
  const versions = useQuery(`versions ${arn}`, (signal) => listVersions(arn, signal), { topic: arn });
  const microvms = useQuery(`microvms ${arn}`, (signal) => listMicrovms(signal, arn), { topic: 'microvms' });
  const running = microvms.data?.filter(({ state }) => state !== 'TERMINATED').sort((a, b) => b.startedAt - a.startedAt) ?? [];
  const { data } = image;
  const remove = async (): Promise<void> => {
    if (await attempt(() => deleteImage(arn), `Deleting ${name}`)) navigate('/images');
  };
  return (
    <>
      <PageHead
        title={name} trail={<Link to="/images">Images</Link>} badge={data !== undefined && <State of={data.state} />}
        actions={data !== undefined && (
          <>
            {data.latestActiveImageVersion !== null && <Link to={`/images/${name}/run`} class="button primary">Run</Link>}
            <Link to={`/images/${name}/update`} class="button">New version</Link>
            <ConfirmButton label="Delete" title={`Delete ${name}?`} text="All its versions are deleted. MicroVMs that run keep it from being deleted." confirm={remove} />
          </>
        )}
      />
      <Failure error={image.error} />
      {data === undefined && image.error === undefined && <Loading />}
      {data !== undefined && (
        <div class="panels">
          <Panel title="Versions" wide>
            <Failure error={versions.error} />
            <VersionTable name={name} versions={versions.data ?? []} />
          </Panel>
          {running.length > 0 && <Panel title="MicroVMs" wide><MicrovmTable rows={running} /></Panel>}
          <Panel title="Details">
            <Facts of={[['ARN', <span class="code">{data.imageArn}</span>], ['Created', dateTime(data.createdAt)], ['Updated', dateTime(data.updatedAt)], ['Active version', data.latestActiveImageVersion ?? 'none'], ['Last failed', data.latestFailedImageVersion]]} />
          </Panel>
          <TagsPanel arn={arn} tags={data.tags} changed={image.refresh} />
        </div>
      )}
    </>
  );
}

function VersionTable({ name, versions }: { readonly name: string; readonly versions: readonly Version[] }) {
  const now = useNow(5_000);
  const rows = versions.filter(({ state }) => state !== 'DELETED').sort((a, b) => b.createdAt - a.createdAt);
  return (
    <table class="list">
      <thead><tr><th scope="col">Version</th><th scope="col">State</th><th scope="col">Status</th><th scope="col" class="number">Memory</th><th scope="col">Created</th></tr></thead>
      <tbody>
        {rows.map(({ imageVersion, state, status, stateReason, resources, createdAt }) => (
          <tr key={imageVersion}>
            <th scope="row"><Link to={`/images/${name}/versions/${imageVersion}`}>{imageVersion}</Link></th>
            <td data-label="State" title={stateReason ?? undefined}><State of={state} /></td>
            <td data-label="Status"><State of={status} /></td>
            <td data-label="Memory" class="number">{resources?.[0] === undefined ? 'default' : `${resources[0].minimumMemoryInMiB} MiB`}</td>
            <td data-label="Created"><time title={dateTime(createdAt)}>{ago(createdAt, now)}</time></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
