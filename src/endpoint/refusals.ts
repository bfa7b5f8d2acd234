/** What the endpoint answers instead of the application (spec §5.6; §15 wins). */
import type { UnreachableReason } from '../microvms/contracts.js';

export interface Refusal {
  readonly status: 400 | 403 | 429 | 500 | 502;
  /** Plain text; empty = no body. */
  readonly text: string;
  /** Value of `x-aws-proxy-error`. */
  readonly error?: 'UNAUTHORIZED' | 'APP_CONNECT_FAILED' | 'MICROVM_CONNECT_FAILED';
}

/** The header is recorded for a bad token; here every 403 has it. Unknown: endpoint-403-header */
const forbidden = (text: string): Refusal => ({ status: 403, text, error: 'UNAUTHORIZED' });
const connectFailed: Refusal = { status: 502, text: '', error: 'MICROVM_CONNECT_FAILED' };
const appFailed: Refusal = { status: 502, text: '', error: 'APP_CONNECT_FAILED' };

export const REFUSAL = {
  /** No token, or one that cannot be read. */
  missingToken: forbidden('Request missing authentication'),
  /** Token of another MicroVM, expired token (as one of another MicroVM; Unknown: endpoint-expired), unknown host. */
  wrongToken: forbidden('Token authentication failed'),
  wrongPort: forbidden('Access to port denied'),
  /** The body of AWS's 400 is not known: none is sent, nor an `x-aws-proxy-error`. Unknown: endpoint-400 */
  badRequest: { status: 400, text: '' },
  /** More connections than the MicroVM may have. Unknown: endpoint-429 */
  tooMany: { status: 429, text: '' },
  /** The application cannot be reached, crashed, or does not speak the protocol it was asked in. */
  appFailed,
  /** A shell token on anything but a WebSocket: as reported, without more. Unknown: shell-token-app-traffic */
  shellOnly: { status: 502, text: '' },
  /** A fault of ours. */
  internal: { status: 500, text: '' },
} as const satisfies Record<string, Refusal>;

/** Header of `terminated` and `suspended`: §5.6 gives it for terminated, §15 only the empty body. Unknown: endpoint-error-header */
export const UNREACHABLE: Readonly<Record<UnreachableReason, Refusal>> = {
  terminated: connectFailed,
  suspended: connectFailed,
  'resume-failed': connectFailed,
  'vm-unreachable': connectFailed,
  'app-not-listening': appFailed,
};

/** Header fields of the answer, as raw pairs. */
export function refusalFields({ text, error }: Refusal): string[] {
  const fields = ['content-length', String(Buffer.byteLength(text))];
  if (text !== '') fields.push('content-type', 'text/plain');
  if (error !== undefined) fields.push('x-aws-proxy-error', error);
  return fields;
}
