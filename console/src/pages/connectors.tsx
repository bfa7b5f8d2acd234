import { useState } from 'preact/hooks';
import { createConnector, listConnectors, type VpcEgress } from '../api/connectors.js';
import { newClientToken } from '../arn.js';
import { ago, dateTime } from '../format.js';
import { attempt } from '../state/notices.js';
import { useQuery } from '../state/query.js';
import { Dialog } from '../ui/dialog.js';
import { Field, TextField } from '../ui/field.js';
import { Link } from '../ui/link.js';
import { Failure, Loading, PageHead } from '../ui/panel.js';
import { State } from '../ui/state.js';

export function ConnectorsPage() {
  // Connectors have no events.
  const { data, error, refresh } = useQuery('connectors', listConnectors, { everyMs: 3_000 });
  const [creating, setCreating] = useState(false);
  const created = (): void => {
    setCreating(false);
    refresh();
  };
  return (
    <>
      <PageHead title="Connectors" actions={<button type="button" class="primary" onClick={() => setCreating(true)}>Create connector</button>} />
      <p class="lead">What MicroVMs may reach beside the internet: a connector opens the networks its subnets and security groups stand for on this host.</p>
      <Failure error={error} />
      {data === undefined && error === undefined && <Loading />}
      {data?.length === 0 && <div class="empty"><p>No connector of your own.</p><p class="quiet">HTTP_INGRESS, SHELL_INGRESS, INTERNET_EGRESS and NO_EGRESS are always there.</p></div>}
      {data !== undefined && data.length > 0 && (
        <table class="list">
          <thead><tr><th scope="col">Connector</th><th scope="col">State</th><th scope="col">Id</th><th scope="col">Modified</th></tr></thead>
          <tbody>
            {data.map(({ Id, Name, State: state, LastModified }) => (
              <tr key={Id}>
                <th scope="row"><Link to={`/connectors/${encodeURIComponent(Name)}`}>{Name}</Link></th>
                <td data-label="State"><State of={state} /></td>
                <td data-label="Id" class="code">{Id}</td>
                <td data-label="Modified"><time title={dateTime(Date.parse(LastModified) / 1000)}>{ago(Date.parse(LastModified) / 1000)}</time></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {creating && <CreateDialog close={() => setCreating(false)} created={created} />}
    </>
  );
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== '');

function CreateDialog({ close, created }: { readonly close: () => void; readonly created: () => void }) {
  const [name, setName] = useState('');
  const [subnets, setSubnets] = useState('');
  const [groups, setGroups] = useState('');
  const [protocol, setProtocol] = useState<'IPv4' | 'DualStack'>('IPv4');
  const [role, setRole] = useState('');
  const [token] = useState(newClientToken);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const groupIds = words(groups);
    const configuration: VpcEgress = { SubnetIds: words(subnets), NetworkProtocol: protocol, ...(groupIds.length === 0 ? {} : { SecurityGroupIds: groupIds }) };
    if (await attempt(() => createConnector(name, configuration, role === '' ? undefined : role, token), `Connector ${name} is being made`)) created();
  };
  return (
    <Dialog title="Create connector" onClose={close}>
      <form onSubmit={(event) => void submit(event)}>
        <TextField label="Name" required maxLength={64} pattern="[a-zA-Z0-9_\-]+" value={name} onText={setName} />
        <TextField label="Subnets" required placeholder="subnet-…" value={subnets} onText={setSubnets} help="As the host's networks file names them; several with spaces between." />
        <TextField label="Security groups" placeholder="sg-…" value={groups} onText={setGroups} />
        <Field label="Protocol">{(attributes) => <select {...attributes} value={protocol} onChange={({ currentTarget }) => setProtocol(currentTarget.value === 'DualStack' ? 'DualStack' : 'IPv4')}><option>IPv4</option><option>DualStack</option></select>}</Field>
        <TextField label="Operator role" placeholder="arn:aws:iam::…:role/…" value={role} onText={setRole} />
        <div class="actions end">
          <button type="button" onClick={close}>Cancel</button>
          <button type="submit" class="primary">Create</button>
        </div>
      </form>
    </Dialog>
  );
}
