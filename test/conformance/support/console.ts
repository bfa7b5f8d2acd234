/** A browser's side of the console, without a browser: its cookie, its origin, its CSRF token. */
import assert from 'node:assert/strict';
import { request, type IncomingHttpHeaders } from 'node:http';
import type { SiteFiles } from '../../../src/console/files.js';
import { createConsole, type ConsoleDeps } from '../../../src/console/site.js';
import { startHarness, region, type Harness, type HarnessOptions } from '../harness.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const PAGE = Buffer.from('<!doctype html><title>console</title>');
export const FILES: SiteFiles = new Map([
  ['index.html', { type: 'text/html; charset=utf-8', bytes: new Map([['identity', PAGE], ['gzip', Buffer.from('gzipped page')]]), immutable: false }],
  ['assets/a-hash.js', { type: 'text/javascript; charset=utf-8', bytes: new Map([['identity', Buffer.from('script')], ['br', Buffer.from('br')], ['gzip', Buffer.from('gz')]]), immutable: true }],
]);

export function startWithConsole(options: HarnessOptions = {}, more: Partial<ConsoleDeps> = {}): Promise<Harness> {
  return startHarness({
    ...options,
    console: ({ findKey, now, log }) => createConsole({ files: FILES, region, findKey, now, log, watchMs: 20, openTerminal: (_request, socket) => socket.end('HTTP/1.1 299 Terminal\r\n\r\n'), ...more }),
  });
}

export function send(harness: Pick<Harness, 'port'>, path: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: harness.port, method, path, headers: { ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }), ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).once('error', reject);
      response.once('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes, json: parsed(bytes) });
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

function parsed(bytes: Buffer): Answer['json'] {
  const text = bytes.toString();
  return text.startsWith('{') ? (JSON.parse(text) as Answer['json']) : {};
}

interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export function login(harness: Harness, credentials: Partial<Key>, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return send(harness, '/console/session', { method: 'POST', headers: { origin: harness.url, 'content-type': 'application/json', ...headers }, body: JSON.stringify(credentials) });
}

export class Browser {
  private constructor(
    readonly harness: Harness,
    readonly cookie: string,
    readonly csrf: string,
  ) {}

  static async signIn(harness: Harness, key: Key): Promise<Browser> {
    const answer = await login(harness, key);
    assert.equal(answer.status, 204, answer.body.toString());
    const cookie = (answer.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
    const { json } = await send(harness, '/console/session', { headers: { cookie } });
    return new Browser(harness, cookie, String(json['csrfToken']));
  }

  /** As the console's own pages send it; `headers` over that. */
  send(path: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Answer> {
    const own = { cookie: this.cookie, ...(method === 'GET' ? {} : { origin: this.harness.url, 'x-tardigrade-csrf': this.csrf, 'content-type': 'application/json' }) };
    return send(this.harness, path, { method, headers: { ...own, ...headers }, ...(body === undefined ? {} : { body }) });
  }
}
