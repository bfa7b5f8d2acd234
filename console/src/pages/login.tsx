import { useState } from 'preact/hooks';
import { ApiError, type SessionInfo } from '../api/client.js';
import { signIn } from '../api/session.js';
import { Mark, ThemeButton } from '../ui/header.js';
import { TextField } from '../ui/field.js';
import { PageHead } from '../ui/panel.js';

export function LoginPage({ signedIn }: { readonly signedIn: (session: SessionInfo) => void }) {
  const [accessKeyId, setAccessKeyId] = useState('');
  const [secretAccessKey, setSecret] = useState('');
  const [sessionToken, setToken] = useState('');
  const [temporary, setTemporary] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setFailure(undefined);
    try {
      signedIn(await signIn({ accessKeyId, secretAccessKey, ...(temporary && sessionToken !== '' ? { sessionToken } : {}) }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFailure(error.message);
      setBusy(false);
    }
  };

  return (
    <main class="login">
      <div class="login-brand"><Mark /> Tardigrade<ThemeButton /></div>
      <PageHead title="Sign in" />
      <form class="panel" onSubmit={(event) => void submit(event)}>
        <TextField label="Access key id" required autocomplete="username" spellcheck={false} autocapitalize="off" value={accessKeyId} onText={setAccessKeyId} />
        <TextField label="Secret access key" type="password" required autocomplete="current-password" value={secretAccessKey} onText={setSecret} help={<>On the host, <span class="code">tardigrade env</span> prints a key.</>} />
        {temporary && <TextField label="Session token" type="password" autocomplete="off" value={sessionToken} onText={setToken} />}
        {failure !== undefined && <p class="failure" role="alert">{failure}</p>}
        <div class="actions">
          <button type="submit" class="primary" disabled={busy}>{busy ? 'Signing in…' : 'Sign in'}</button>
          {!temporary && <button type="button" class="plain" onClick={() => setTemporary(true)}>Temporary credentials</button>}
        </div>
      </form>
    </main>
  );
}
