import type { SessionInfo } from '../api/client.js';
import { type Build, deleteVersion, getVersion, listBuilds, setVersionStatus, type Version } from '../api/images.js';
import { logGroupOf, logStreamsOf } from '../api/logs.js';
import { imageArn } from '../arn.js';
import { bytes, dateTime } from '../format.js';
import { navigate } from '../state/router.js';
import { attempt } from '../state/notices.js';
import { useQuery } from '../state/query.js';
import { ConfirmButton } from '../ui/dialog.js';
import { Link } from '../ui/link.js';
import { LogView } from '../ui/log-view.js';
import { Facts, Failure, Loading, PageHead, Panel } from '../ui/panel.js';
import { isBusy, State } from '../ui/state.js';
import { BuildSteps } from './build-steps.js';

interface VersionPageProps {
  readonly session: SessionInfo;
  readonly name: string;
  readonly version: string;
}

export function VersionPage({ session, name, version }: VersionPageProps) {
  const arn = imageArn(session, name);
  const { data, error, refresh } = useQuery(`${arn} ${version}`, (signal) => getVersion(arn, version, signal), { topic: arn });
  const builds = useQuery(`builds ${arn} ${version}`, (signal) => listBuilds(arn, version, signal), { topic: arn });
  return (
    <>
      <PageHead
        title={`${name} ${version}`} trail={<><Link to="/images">Images</Link> / <Link to={`/images/${name}`}>{name}</Link></>}
        badge={data !== undefined && <><State of={data.state} />{data.state === 'SUCCESSFUL' && <State of={data.status} />}</>}
        actions={data !== undefined && <Actions arn={arn} name={name} version={data} changed={refresh} />}
      />
      <Failure error={error ?? builds.error} />
      {data === undefined && error === undefined && <Loading />}
      {data?.stateReason != null && <p class="reason">{data.stateReason}</p>}
      {data !== undefined && (
        <div class="panels">
          {builds.data?.map((build) => <BuildPanel key={build.buildId} arn={arn} name={name} version={data} build={build} />)}
          <ConfigPanel version={data} />
        </div>
      )}
    </>
  );
}

interface BuildPanelProps {
  readonly arn: string;
  readonly name: string;
  readonly version: Version;
  readonly build: Build;
}

function BuildPanel({ arn, name, version, build }: BuildPanelProps) {
  const { buildId, buildState, snapshotBuild: sizes } = build;
  const live = isBusy(buildState);
  const { logging } = version;
  const size = (count: number | undefined) => (count === undefined ? null : bytes(count));
  return (
    <Panel title="Build" wide actions={<State of={buildState} />}>
      <BuildSteps arn={arn} version={version.imageVersion} buildId={buildId} live={live} />
      {logging?.disabled === undefined
        ? <LogView label={`Log of build ${buildId}`} group={logging?.cloudWatch?.logGroup ?? logGroupOf(name)} streams={logging?.cloudWatch?.logStream !== undefined ? [logging.cloudWatch.logStream] : logStreamsOf(build.createdAt, version.imageVersion, `build-${buildId}`)} live={live} />
        : <p class="quiet">This version's logging is disabled.</p>}
      <Facts of={[
        ['Build', <span class="code">{buildId}</span>], ['Begun', dateTime(build.createdAt)], ['Why', build.stateReason],
        ['Memory snapshot', size(sizes?.memorySnapshotSizeInBytes)], ['Disk snapshot', size(sizes?.diskSnapshotSizeInBytes)], ['Code', size(sizes?.codeInstallSizeInBytes)],
      ]} />
    </Panel>
  );
}

function ConfigPanel({ version: of }: { readonly version: Version }) {
  const environment = Object.entries(of.environmentVariables ?? {});
  return (
    <Panel title="Configuration" wide>
      <Facts of={[
        ['Description', of.description], ['Created', dateTime(of.createdAt)],
        ['Artifact', <span class="code">{of.codeArtifact.uri}</span>], ['Base image', <span class="code">{of.baseImageArn}</span>], ['Build role', <span class="code">{of.buildRoleArn}</span>],
        ['Memory', of.resources?.[0] === undefined ? 'default' : `${of.resources[0].minimumMemoryInMiB} MiB`],
        ['Capabilities', of.additionalOsCapabilities?.join(', ')],
        ['Egress', of.egressNetworkConnectors?.join(', ')],
        ['Hooks', of.hooks === null ? null : <span class="code">{hooksText(of.hooks)}</span>],
        ['Environment', environment.length === 0 ? null : environment.map(([key, value]) => <div key={key} class="code">{key}={value}</div>)],
      ]} />
    </Panel>
  );
}

function hooksText({ port, microvmImageHooks = {}, microvmHooks = {} }: NonNullable<Version['hooks']>): string {
  const enabled = Object.entries({ ...microvmImageHooks, ...microvmHooks }).filter(([, value]) => value === 'ENABLED').map(([name]) => `/${name}`);
  return `${enabled.length === 0 ? 'none' : enabled.join(' ')}${port === undefined ? '' : ` on port ${port}`}`;
}

function Actions({ arn, name, version: { imageVersion, state, status }, changed }: { readonly arn: string; readonly name: string; readonly version: Version; readonly changed: () => void }) {
  const other = status === 'ACTIVE' ? 'INACTIVE' : 'ACTIVE';
  const set = async (): Promise<void> => {
    await attempt(() => setVersionStatus(arn, imageVersion, other), other === 'ACTIVE' ? 'New MicroVMs may use it' : 'No new MicroVM uses it');
    changed();
  };
  const remove = async (): Promise<void> => {
    if (await attempt(() => deleteVersion(arn, imageVersion), `Deleting ${imageVersion}`)) navigate(`/images/${name}`);
  };
  return (
    <>
      {state === 'SUCCESSFUL' && status === 'ACTIVE' && <Link to={`/images/${name}/run`} class="button primary">Run</Link>}
      {state === 'SUCCESSFUL' && <button type="button" onClick={() => void set()}>{other === 'ACTIVE' ? 'Activate' : 'Deactivate'}</button>}
      {!isBusy(state) && <ConfirmButton label="Delete" title={`Delete version ${imageVersion}?`} text="Its snapshot is removed. MicroVMs that run keep it from being deleted." confirm={remove} />}
    </>
  );
}
