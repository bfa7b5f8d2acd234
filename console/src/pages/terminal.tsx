import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/client.js';
import { shortId } from '../format.js';
import type { OpenTerminal } from '../terminal/terminal.js';
import { Link } from '../ui/link.js';
import { PageHead } from '../ui/panel.js';

type Shell = { readonly kind: 'opening' } | { readonly kind: 'open' } | { readonly kind: 'ended'; readonly why: string };

export function TerminalPage({ id }: { readonly id: string }) {
  const [attempt, setAttempt] = useState(1);
  const [shell, setShell] = useState<Shell>({ kind: 'opening' });
  const place = useRef<HTMLDivElement>(null);
  const again = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    setShell({ kind: 'opening' });
    const open = async (): Promise<OpenTerminal | undefined> => {
      const { openTerminal } = await import('../terminal/terminal.js');
      if (place.current === null) return undefined;
      return openTerminal(place.current, id, {
        opened: () => setShell({ kind: 'open' }),
        ended: (why) => setShell({ kind: 'ended', why }),
        left: () => again.current?.focus(),
      });
    };
    const opening = open().catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      setShell({ kind: 'ended', why: error.message });
      return undefined;
    });
    return () => {
      opening.then((terminal) => terminal?.close()).catch(reportError);
    };
  }, [id, attempt]);

  return (
    <div class="terminal-page">
      <PageHead
        title={`Terminal ${shortId(id)}`} trail={<><Link to="/microvms">MicroVMs</Link> / <Link to={`/microvms/${id}`}>{shortId(id)}</Link></>}
        badge={<span class={`state ${shell.kind === 'open' ? 'good' : shell.kind === 'opening' ? 'busy' : 'over'}`}>{shell.kind === 'open' ? 'connected' : shell.kind}</span>}
        actions={<button ref={again} type="button" onClick={() => setAttempt(attempt + 1)}>New shell</button>}
      />
      <p class="quiet">The keyboard is the shell's, Tab and Escape too: <kbd>Ctrl</kbd> <kbd>Shift</kbd> <kbd>L</kbd> leaves it.</p>
      {shell.kind === 'ended' && <p class="reason" role="status">{shell.why}</p>}
      <div key={attempt} ref={place} class="screen" role="region" aria-label={`Terminal of ${shortId(id)}`} />
    </div>
  );
}
