import { getMicrovm, type Microvm, resumeMicrovm, suspendMicrovm, terminateMicrovm } from '../api/microvms.js';
import { logGroupOf, logStreamsOf } from '../api/logs.js';
import { dateTime, duration, lastOfArn, shortId } from '../format.js';
import { attempt } from '../state/notices.js';
import { useQuery } from '../state/query.js';
import { ConfirmButton } from '../ui/dialog.js';
import { Link } from '../ui/link.js';
import { LogView } from '../ui/log-view.js';
import { Facts, Failure, Loading, PageHead, Panel } from '../ui/panel.js';
import { State } from '../ui/state.js';
import { ConnectPanel } from './microvm-connect.js';
import { LaunchPanel } from './microvm-launches.js';
import { OutlookPanel } from './microvm-outlook.js';
import { SamplesPanel } from './microvm-samples.js';
import { MicrovmCostPanel } from './microvm-cost.js';

export function MicrovmPage({ id }: { readonly id: string }) {
  const { data: vm, error, refresh } = useQuery(id, (signal) => getMicrovm(id, signal), { topic: id });
  return (
    <>
      <PageHead
        title={shortId(id)} code trail={<Link to="/microvms">MicroVMs</Link>}
        badge={vm !== undefined && <State of={vm.state} />}
        actions={vm !== undefined && <Actions vm={vm} changed={refresh} />}
      />
      <Failure error={error} />
      {vm === undefined && error === undefined && <Loading />}
      {vm !== undefined && <Detail vm={vm} />}
    </>
  );
}

function Detail({ vm }: { readonly vm: Microvm }) {
  const { microvmId: id, state } = vm;
  const image = lastOfArn(vm.imageArn);
  const isOver = state === 'TERMINATED' || state === 'TERMINATING';
  return (
    <>
      {vm.stateReason !== null && <p class={isOver ? 'reason' : 'reason quiet'}>{vm.stateReason}</p>}
      <div class="panels">
        {!isOver && <ConnectPanel vm={vm} />}
        {!isOver && <OutlookPanel vm={vm} />}
        <SamplesPanel id={id} state={state} />
        <LaunchPanel id={id} state={state} />
        <Panel title="Log" wide>
          <LogView label={`Log of ${shortId(id)}`} group={logGroupOf(image)} streams={logStreamsOf(vm.startedAt, vm.imageVersion, id)} live={!isOver && state !== 'SUSPENDED'} />
        </Panel>
        <FactsPanel vm={vm} />
        {state !== 'PENDING' && <MicrovmCostPanel id={id} state={state} />}
      </div>
    </>
  );
}

function FactsPanel({ vm }: { readonly vm: Microvm }) {
  const image = lastOfArn(vm.imageArn);
  const idle = vm.idlePolicy;
  return (
    <Panel title="Details">
      <Facts of={[
        ['Id', <span class="code">{vm.microvmId}</span>],
        ['Image', <><Link to={`/images/${image}`}>{image}</Link> <Link to={`/images/${image}/versions/${vm.imageVersion}`}>{vm.imageVersion}</Link></>],
        ['Started', dateTime(vm.startedAt)],
        ['Terminated', vm.terminatedAt === null ? null : dateTime(vm.terminatedAt)],
        ['Longest life', duration(vm.maximumDurationInSeconds)],
        ['When idle', idle === null ? 'runs on' : `suspended after ${duration(idle.maxIdleDurationSeconds)}, ended after ${duration(idle.suspendedDurationSeconds)} more${idle.autoResumeEnabled ? ', resumed by a request' : ''}`],
        ['Execution role', vm.executionRoleArn],
        ['Ingress', <Connectors arns={vm.ingressNetworkConnectors} />],
        ['Egress', <Connectors arns={vm.egressNetworkConnectors} />],
      ]} />
    </Panel>
  );
}

/** Those of AWS have no page. */
function Connectors({ arns }: { readonly arns: readonly string[] }) {
  return <>{arns.map((arn) => <span key={arn} class="chip" title={arn}>{arn.includes(':aws-network-connector:') || arn.includes(':tardigrade:') ? lastOfArn(arn) : <Link to={`/connectors/${encodeURIComponent(lastOfArn(arn))}`}>{lastOfArn(arn)}</Link>}</span>)}</>;
}

function Actions({ vm: { microvmId: id, state }, changed }: { readonly vm: Microvm; readonly changed: () => void }) {
  const act = (work: (id: string) => Promise<unknown>, done: string) => async (): Promise<void> => {
    await attempt(() => work(id), done);
    changed();
  };
  return (
    <>
      {state === 'RUNNING' && <button type="button" onClick={() => void act(suspendMicrovm, 'Suspending')()}>Suspend</button>}
      {state === 'SUSPENDED' && <button type="button" class="primary" onClick={() => void act(resumeMicrovm, 'Resumed')()}>Resume</button>}
      {state !== 'TERMINATED' && (
        <ConfirmButton
          label="Terminate" title="Terminate this MicroVM?" text="Its memory and its disk are gone then; it cannot be brought back." disabled={state === 'TERMINATING'}
          confirm={act(terminateMicrovm, 'Terminating')}
        />
      )}
    </>
  );
}
