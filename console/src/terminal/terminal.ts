/** A terminal on the screen joined to a shell in a MicroVM. A chunk of its own: most pages need none of it. */
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { mintShellToken } from '../api/microvms.js';
import { styleByObjectModel } from './styles.js';

export interface ShellEvents {
  readonly opened: () => void;
  /** In words; the terminal keeps what it showed. */
  readonly ended: (why: string) => void;
  /** The user asked to leave it by keyboard. */
  readonly left: () => void;
}

export interface OpenTerminal {
  close(): void;
}

/** The subprotocols of docs/shell.md: our framing, and the token where browsers can put one. */
const SESSION = 'tardigrade.session.v1';
const MARKER = 'lambda-microvms';

type ServerMessage = { readonly type: 'session_init' } | { readonly type: 'exit'; readonly code: number } | { readonly type: 'error'; readonly code: string; readonly message: string };

/** Throws ApiError when no token is given out. */
export async function openTerminal(place: HTMLElement, microvmId: string, events: ShellEvents): Promise<OpenTerminal> {
  const token = await mintShellToken(microvmId);
  const restoreStyles = styleByObjectModel();
  const terminal = new Terminal({ cursorBlink: true, minimumContrastRatio: 4.5, fontSize: 14, fontFamily: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace', theme: { background: '#0d1110', foreground: '#e6ebe8', cursor: '#5fd0b3' }, screenReaderMode: true });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(place);
  fit.fit();

  const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/console/shell/${microvmId}`, [SESSION, MARKER, `${MARKER}.authentication.${token}`]);
  socket.binaryType = 'arraybuffer';
  let ready = false;
  let why: string | undefined;
  const send = (message: object): void => {
    if (ready && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  const type = (bytes: Uint8Array<ArrayBuffer>): void => {
    if (ready && socket.readyState === WebSocket.OPEN) socket.send(bytes);
  };
  const text = new TextEncoder();

  socket.onopen = () => socket.send(JSON.stringify({ type: 'start', run: 'shell', env: { COLORTERM: 'truecolor' }, size: { cols: terminal.cols, rows: terminal.rows } }));
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    // The first byte says which stream the rest is of: a terminal has one.
    if (typeof data !== 'string') return terminal.write(new Uint8Array(data, 1));
    const message = JSON.parse(data) as ServerMessage;
    switch (message.type) {
      case 'session_init':
        ready = true;
        // It may have changed since the start was sent.
        send({ type: 'resize', cols: terminal.cols, rows: terminal.rows });
        terminal.focus();
        return events.opened();
      case 'exit':
        why = `The shell has ended with exit code ${message.code}.`;
        return;
      case 'error':
        why = `The session was lost: ${message.message}`;
    }
  };
  socket.onclose = () => {
    terminal.options.disableStdin = true;
    terminal.options.cursorBlink = false;
    events.ended(why ?? (ready ? 'The connection has ended: the MicroVM was suspended or terminated, or the session is over.' : 'No shell could be opened.'));
  };

  terminal.onData((data) => type(text.encode(data)));
  terminal.onBinary((data) => type(Uint8Array.from(data, (character) => character.charCodeAt(0))));
  terminal.onResize(({ cols, rows }) => send({ type: 'resize', cols, rows }));
  terminal.attachCustomKeyEventHandler((event) => {
    if (!isLeaveKey(event)) return true;
    if (event.type === 'keydown') events.left();
    event.preventDefault();
    return false;
  });
  const sized = new ResizeObserver(() => fit.fit());
  sized.observe(place);

  return {
    close() {
      sized.disconnect();
      socket.onclose = null;
      socket.close();
      terminal.dispose();
      restoreStyles();
    },
  };
}

/** All other keys, Tab and Escape among them, are the shell's. */
export function isLeaveKey({ ctrlKey, shiftKey, altKey, code }: KeyboardEvent): boolean {
  return ctrlKey && shiftKey && !altKey && code === 'KeyL';
}
