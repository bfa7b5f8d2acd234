import { useState } from 'preact/hooks';
import { say } from '../state/notices.js';

/** Only pages of https and of localhost may use the clipboard's own interface. */
async function copy(text: string): Promise<void> {
  if (window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  // The one way that is left there, though it is said to go away.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('the browser does not let pages of plain http use the clipboard');
}

export function Copy({ text, what, label = 'Copy' }: { readonly text: string; readonly what: string; readonly label?: string }) {
  const [copied, setCopied] = useState(false);
  const run = (): void => {
    copy(text).then(
      () => {
        setCopied(true);
        setTimeout(() => setCopied(false), 2_000);
        say('good', `Copied: ${what}`);
      },
      () => say('bad', `The browser would not copy ${what}: select it and copy it by hand`),
    );
  };
  const shown = copied ? 'Copied' : label;
  return <button type="button" class="small" aria-label={`${shown}: ${what}`} onClick={run}>{shown}</button>;
}
