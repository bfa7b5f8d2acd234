/** The two ways to speak over a shell's WebSocket: AWS's, and ours, which a client asks for by subprotocol. */
import { SESSION_CHANNEL } from '../contracts.js';
import { parseControl, parseResize, type Control } from './messages.js';

export type Input = { readonly type: 'bytes'; readonly bytes: Buffer } | Control | { readonly type: 'invalid'; readonly why: string };

export interface Framing {
  /** What a client's message means. */
  input(data: Buffer, isBinary: boolean): Input;
  output(stream: 'stdout' | 'stderr', chunk: Buffer): Buffer;
  /** Text sent before the close, if any. */
  exited(code: number): string | undefined;
  /** Text sent before the close; without one the connection is cut, as an application's is. Unknown: shell-lost */
  lost(message: string): string | undefined;
}

/** Spec §6: all is keystrokes but a resize; no status. */
export const awsFraming: Framing = {
  input(data, isBinary) {
    const size = isBinary ? undefined : parseResize(data.toString());
    return size === undefined ? { type: 'bytes', bytes: data } : { type: 'resize', ...size };
  },
  output: (_stream, chunk) => chunk,
  exited: () => undefined,
  lost: () => undefined,
};

const CHANNEL = { stdout: Buffer.from([SESSION_CHANNEL.stdout]), stderr: Buffer.from([SESSION_CHANNEL.stderr]) } as const;

/** Text is control, binary is data. */
export const sessionFraming: Framing = {
  input(data, isBinary) {
    if (isBinary) return { type: 'bytes', bytes: data };
    return parseControl(data.toString()) ?? { type: 'invalid', why: 'a text message must be resize, signal or eof' };
  },
  output: (stream, chunk) => Buffer.concat([CHANNEL[stream], chunk]),
  exited: (code) => JSON.stringify({ type: 'exit', code }),
  lost: (message) => errorText('lost', message),
};

export function errorText(code: string, message: string): string {
  return JSON.stringify({ type: 'error', code, message });
}

export function initText(sessionId: string): string {
  return JSON.stringify({ type: 'session_init', session_id: sessionId });
}
