import { useState } from 'preact/hooks';
import { type Microvm, mintToken } from '../api/microvms.js';
import { lastOfArn } from '../format.js';
import { attempt } from '../state/notices.js';
import { Copy } from '../ui/copy.js';
import { TextField } from '../ui/field.js';
import { Link } from '../ui/link.js';
import { Panel } from '../ui/panel.js';

interface Minted {
  readonly token: string;
  readonly port: string;
}

/** The application's own port, unless an image says otherwise. */
const DEFAULT_PORT = '8080';

export function ConnectPanel({ vm }: { readonly vm: Microvm }) {
  const [port, setPort] = useState(DEFAULT_PORT);
  const [minutes, setMinutes] = useState('30');
  const [minted, setMinted] = useState<Minted>();
  const mint = async (event: Event): Promise<void> => {
    event.preventDefault();
    await attempt(async () => setMinted({ token: await mintToken(vm.microvmId, Number(port), Number(minutes)), port }));
  };
  const hasShell = vm.ingressNetworkConnectors.some((arn) => lastOfArn(arn) === 'SHELL_INGRESS');
  const url = `https://${vm.endpoint}/`;
  return (
    <Panel title="Connect" actions={hasShell
      ? <Link to={`/microvms/${vm.microvmId}/terminal`} class="button">Open terminal</Link>
      : <span class="quiet">no terminal: run without SHELL_INGRESS</span>}>
      <p class="copyable"><span class="code endpoint">{url}</span><Copy text={url} what="the endpoint" /></p>
      <form class="inline" onSubmit={(event) => void mint(event)}>
        <TextField label="Port" type="number" min={1} max={65_535} required value={port} onText={setPort} />
        <TextField label="Minutes" type="number" min={1} max={60} required value={minutes} onText={setMinutes} />
        <button type="submit" class="primary">Mint token</button>
      </form>
      {minted !== undefined && (
        <div class="minted">
          <p class="copyable"><span class="code token">{minted.token}</span><Copy text={minted.token} what="the token" label="Copy token" /></p>
          <pre class="command" tabIndex={0} role="group" aria-label="curl line">{curlLine(url, { ...minted, token: '…' })}</pre>
          <p class="copyable"><span class="quiet">The endpoint's certificate is checked with the file <span class="code">tardigrade env</span> names.</span><Copy text={curlLine(url, minted)} what="the curl line with its token" label="Copy curl" /></p>
        </div>
      )}
    </Panel>
  );
}

function curlLine(url: string, { token, port }: Minted): string {
  const portHeader = port === DEFAULT_PORT ? '' : ` -H 'X-aws-proxy-port: ${port}'`;
  return `curl --cacert "$TARDIGRADE_CA_FILE" -H 'X-aws-proxy-auth: ${token}'${portHeader} ${url}`;
}
