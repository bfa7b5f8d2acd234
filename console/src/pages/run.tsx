import { useState } from 'preact/hooks';
import type { SessionInfo } from '../api/client.js';
import { listConnectors } from '../api/connectors.js';
import { getImage } from '../api/images.js';
import { runMicrovm, type RunInput } from '../api/microvms.js';
import { imageArn, managedConnector, newClientToken, noEgress } from '../arn.js';
import { navigate } from '../state/router.js';
import { attempt } from '../state/notices.js';
import { useQuery } from '../state/query.js';
import { Check, Field, TextField } from '../ui/field.js';
import { Link } from '../ui/link.js';
import { Failure, PageHead } from '../ui/panel.js';

const INTERNET = 'INTERNET_EGRESS';
const NONE = 'NO_EGRESS';

export function RunPage({ session, name }: { readonly session: SessionInfo; readonly name: string }) {
  const arn = imageArn(session, name);
  const image = useQuery(arn, (signal) => getImage(arn, signal), { topic: arn });
  const connectors = useQuery('connectors', listConnectors);
  const [version, setVersion] = useState('');
  const [idle, setIdle] = useState('900');
  const [suspended, setSuspended] = useState('3600');
  const [autoResume, setAutoResume] = useState(true);
  const [suspends, setSuspends] = useState(true);
  const [hours, setHours] = useState('8');
  const [http, setHttp] = useState(true);
  const [shell, setShell] = useState(true);
  const [egress, setEgress] = useState(INTERNET);
  const [role, setRole] = useState('');
  const [payload, setPayload] = useState('');
  const [busy, setBusy] = useState(false);
  const [token] = useState(newClientToken);

  const input = (): RunInput => ({
    imageIdentifier: arn,
    ...(version === '' ? {} : { imageVersion: version }),
    ...(suspends ? { idlePolicy: { maxIdleDurationSeconds: Number(idle), suspendedDurationSeconds: Number(suspended), autoResumeEnabled: autoResume } } : {}),
    maximumDurationInSeconds: Math.round(Number(hours) * 3600),
    ingressNetworkConnectors: [...(http ? ['HTTP_INGRESS'] : []), ...(shell ? ['SHELL_INGRESS'] : [])].map((connector) => managedConnector(session, connector)),
    egressNetworkConnectors: [egress === NONE ? noEgress(session) : egress === INTERNET ? managedConnector(session, INTERNET) : egress],
    ...(role === '' ? {} : { executionRoleArn: role }),
    ...(payload === '' ? {} : { runHookPayload: payload }),
  });
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const done = await attempt(async () => navigate(`/microvms/${(await runMicrovm(input(), token)).microvmId}`));
    if (!done) setBusy(false);
  };

  return (
    <>
      <PageHead title={`Run ${name}`} trail={<><Link to="/images">Images</Link> / <Link to={`/images/${name}`}>{name}</Link></>} />
      <Failure error={image.error} />
      <form class="panel form" onSubmit={(event) => void submit(event)}>
        <TextField label="Version" placeholder={image.data?.latestActiveImageVersion ?? 'latest active'} value={version} onText={setVersion} help="Empty: the latest active one." />
        <fieldset>
          <legend>When nobody uses it</legend>
          <Check label="Suspend it" checked={suspends} onCheck={setSuspends} />
          {suspends && (
            <div class="row">
              <TextField label="After idle seconds" type="number" min={60} max={28_800} required value={idle} onText={setIdle} />
              <TextField label="Then end after seconds" type="number" min={0} required value={suspended} onText={setSuspended} />
            </div>
          )}
          {suspends && <Check label="A request resumes it" checked={autoResume} onCheck={setAutoResume} />}
        </fieldset>
        <TextField label="Longest life, hours" type="number" min={0.01} max={8} step="any" required value={hours} onText={setHours} help="Suspended time included; 8 at most." />
        <fieldset>
          <legend>Who may come in</legend>
          <Check label="Requests to its endpoint (HTTP_INGRESS)" checked={http} onCheck={setHttp} />
          <Check label="Shells (SHELL_INGRESS); cannot be added later" checked={shell} onCheck={setShell} />
        </fieldset>
        <Field label="What it may reach">
          {(attributes) => (
            <select {...attributes} value={egress} onChange={({ currentTarget }) => setEgress(currentTarget.value)}>
              <option value={INTERNET}>The internet</option>
              <option value={NONE}>Nothing</option>
              {connectors.data?.filter(({ State }) => State === 'ACTIVE').map(({ Arn, Name }) => <option key={Arn} value={Arn}>{Name}</option>)}
            </select>
          )}
        </Field>
        <details>
          <summary>More</summary>
          <TextField label="Execution role" placeholder="arn:aws:iam::…:role/…" value={role} onText={setRole} help="Its credentials are offered to the application." />
          <TextField label="Payload of the run hook" maxLength={4096} value={payload} onText={setPayload} />
        </details>
        <div class="actions end"><button type="submit" class="primary" disabled={busy}>{busy ? 'Starting…' : 'Run'}</button></div>
      </form>
    </>
  );
}
