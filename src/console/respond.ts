/** What the console's answers have in common. */
import type { ServerResponse } from 'node:http';

/**
 * Nothing from elsewhere, nothing inline, no frames; `connect-src` covers the WebSocket too. `trusted-types 'none'`: no
 * script may turn text into markup.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "manifest-src 'self'",
  "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
].join('; ');

/** On every answer, also those of the API: what is served from this origin must never become a page that runs. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=(), clipboard-write=(self)',
};

/** What a console request is refused with; `code` is for programs. */
export interface ConsoleRefusal {
  readonly status: 400 | 401 | 403 | 404 | 405 | 413 | 429 | 503;
  readonly code: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function sendJson(response: ServerResponse, status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
  const body = JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store', ...headers });
  response.end(body);
  // A client that is still sending reads the answer only if its bytes keep being taken.
  response.req.resume();
}

/** In the form of the API's errors. */
export function sendRefusal(response: ServerResponse, { status, code, message, headers }: ConsoleRefusal): void {
  sendJson(response, status, { message }, { 'x-amzn-errortype': code, ...headers });
}
