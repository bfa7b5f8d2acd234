/** The shell's WebSocket over a real endpoint, with sessions of this process behind it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { type ClientOptions, WebSocket } from 'ws';
import { SessionRefusedError, UnreachableError, type GuestSession, type SessionEvents, type SessionSpec, type WindowSize } from '../../../src/microvms/contracts.js';
import { deferred, HOST, record, start as startHarness, VM, type Harness } from './harness.js';

const SESSION = 'tardigrade.session.v1';

/** What a guest would be: keeps what it was told. */
class FakeSession implements GuestSession {
  readonly input: string[] = [];
  events!: SessionEvents;
  closed = false;
  paused = false;
  /** Whether `write` asks to wait. */
  full = false;
  changed: () => void = () => undefined;
  #end: () => void = () => undefined;
  readonly ended = new Promise<void>((resolve) => (this.#end = resolve));
  readonly started = deferred();

  start(events: SessionEvents): void {
    this.events = events;
    this.started.resolve();
  }

  write(chunk: Buffer): boolean {
    this.#note(chunk.toString());
    return !this.full;
  }

  endInput(): void {
    this.#note('<eof>');
  }

  resize({ cols, rows }: WindowSize): void {
    this.#note(`<${cols}x${rows}>`);
  }

  signal(name: string): void {
    this.#note(`<SIG${name}>`);
  }

  pause(): void {
    this.paused = true;
    this.changed();
  }

  resume(): void {
    this.paused = false;
    this.changed();
  }

  close(): void {
    this.closed = true;
    this.#end();
    this.changed();
  }

  drop(reason: Error): void {
    this.events.onLost(reason);
  }

  #note(what: string): void {
    this.input.push(what);
    this.changed();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.changed = resolve));
  }
}

interface World extends Harness {
  readonly shell: string;
  readonly opened: { id: string; spec: SessionSpec; session: FakeSession; signal: AbortSignal | undefined }[];
  connect(protocols: readonly string[], options?: ClientOptions, path?: string): WebSocket;
}

async function start(t: TestContext): Promise<World> {
  const h = await startHarness(t);
  const opened: World['opened'] = [];
  h.gateway.sessions = async (id, spec, signal) => {
    const session = new FakeSession();
    opened.push({ id, spec, session, signal });
    await h.gateway.gate;
    return session;
  };
  return {
    ...h, opened, shell: await h.tokens.issueShellToken({ microvmId: VM, expiresInMinutes: 5 }),
    connect(protocols, options = {}, path = '/shell') {
      const ws = new WebSocket(`wss://${HOST}:${h.port}${path}`, [...protocols], { ca: h.ca, lookup: (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]), ...options });
      t.after(() => ws.terminate());
      return ws;
    },
  };
}

/** What the client sees, a message each: text as it is, binary in angle brackets. */
class Client {
  readonly seen: string[] = [];
  changed: () => void = () => undefined;
  readonly closed: Promise<string>;

  constructor(readonly ws: WebSocket) {
    ws.on('error', () => undefined);
    ws.on('message', (data: Buffer, isBinary: boolean) => {
      this.seen.push(isBinary ? `<${data.toString('latin1')}>` : data.toString());
      this.changed();
    });
    this.closed = once(ws, 'close').then(([code, reason]: unknown[]) => `${code as number} ${String(reason)}`);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.changed = resolve));
  }
}

/** The status and body of a refused handshake. */
async function refused(ws: WebSocket): Promise<string> {
  ws.on('error', () => undefined);
  const [, response] = (await once(ws, 'unexpected-response')) as [unknown, Readable & { statusCode: number; headers: Record<string, string> }];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return `${response.statusCode} ${response.headers['x-aws-proxy-error'] ?? ''} ${body}`.trimEnd();
}

const INIT = /^\{"type":"session_init","session_id":"[0-9a-f-]{36}"\}$/;

async function openAws(h: World): Promise<{ client: Client; session: FakeSession }> {
  const client = new Client(h.connect([`lambda-microvms.authentication.${h.shell}`, 'lambda-microvms', 'lambda-microvms.port.8022']));
  await client.until(() => client.seen.length > 0);
  const session = h.opened.at(-1)?.session;
  assert.ok(session);
  await session.started.promise;
  return { client, session };
}

test('AWS\'s framing: session_init, then bytes; all the client says is keystrokes but a resize', async (t) => {
  const h = await start(t);
  const { client, session } = await openAws(h);
  assert.equal(client.ws.protocol, 'lambda-microvms');
  assert.match(client.seen[0] ?? '', INIT);
  assert.deepEqual([h.opened[0]?.id, h.opened[0]?.spec], [VM, { kind: 'shell' }]);
  const touches = h.gateway.touches;
  client.ws.send('ls\n');
  client.ws.send(Buffer.from('binary'));
  client.ws.send('{"type":"resize","cols":120,"rows":40}');
  client.ws.send('{"type":"eof"}');
  await session.until(() => session.input.length === 4);
  assert.deepEqual(session.input, ['ls\n', 'binary', '<120x40>', '{"type":"eof"}']);
  session.events.onOutput('stdout', Buffer.from('\xff\x00', 'latin1'));
  session.events.onExit(7);
  assert.equal(await client.closed, '1000 shell exited');
  assert.deepEqual(client.seen.slice(1), ['<\xff\x00>']);
  assert.ok(h.gateway.touches >= touches + 5, 'bytes both ways count as activity');
});

test('any path, the token in a header, no subprotocol; several at once', async (t) => {
  const h = await start(t);
  const clients = ['/', '/shell', '/any/path?x=1'].map((path) => new Client(h.connect([], { headers: { 'x-aws-proxy-auth': h.shell } }, path)));
  for (const client of clients) await client.until(() => client.seen.length > 0);
  assert.equal(new Set(clients.map(({ seen }) => seen[0])).size, 3);
  assert.deepEqual(clients.map(({ ws }) => ws.protocol), ['', '', '']);
  assert.equal(h.opened.length, 3);
});

test('nothing is opened for a client that may not, or does not speak WebSocket', async (t) => {
  const h = await start(t);
  const other = await h.tokens.issueShellToken({ microvmId: 'microvm-other', expiresInMinutes: 5 });
  assert.equal(await refused(h.connect([])), '403 UNAUTHORIZED Request missing authentication');
  assert.equal(await refused(h.connect([], { headers: { 'x-aws-proxy-auth': other } })), '403 UNAUTHORIZED Token authentication failed');
  assert.equal(await refused(h.connect([], { headers: { 'x-aws-proxy-auth': h.shell, 'x-aws-proxy-port': '8080' } })), '403 UNAUTHORIZED Access to port denied');
  assert.equal(await refused(h.connect([], { headers: { 'x-aws-proxy-auth': h.shell, 'x-aws-proxy-port': 'x' } })), '400');
  const plain = await h.fetch({ headers: { 'x-aws-proxy-auth': h.shell } });
  assert.deepEqual([plain.status, plain.body, plain.headers['x-aws-proxy-error']], [502, '', undefined]);
  const head = (fields: string): string => `GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nX-aws-proxy-auth: ${h.shell}\r\n${fields}\r\n`;
  for (const fields of ['Upgrade: h2c\r\n', 'Upgrade: websocket\r\n', 'Upgrade: websocket\r\nSec-WebSocket-Version: 12\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n', 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: k\r\n']) {
    assert.match(await h.raw(head(fields)), /^HTTP\/1\.1 502 [^]*content-length: 0\r\n[^]*\r\n\r\n$/i, fields);
  }
  assert.equal(h.opened.length, 0);
});

test('what keeps a shell from running answers the handshake', async (t) => {
  const h = await start(t);
  const answers: [error: Error, answer: string][] = [
    [new UnreachableError('terminated', ''), '502 MICROVM_CONNECT_FAILED'], [new UnreachableError('suspended', ''), '502 MICROVM_CONNECT_FAILED'],
    [new SessionRefusedError('start_failed', 'no sh'), '502 APP_CONNECT_FAILED'], [new Error('ours'), '500'],
  ];
  for (const [error, answer] of answers) {
    h.gateway.sessions = () => Promise.reject(error);
    assert.equal(await refused(h.connect([], { headers: { 'x-aws-proxy-auth': h.shell } })), answer);
  }
});

test('a client that leaves ends its session, also one that is still being opened', async (t) => {
  const h = await start(t);
  const { client, session } = await openAws(h);
  client.ws.terminate();
  await session.until(() => session.closed);
  const gate = deferred();
  h.gateway.gate = gate.promise;
  const early = h.connect([], { headers: { 'x-aws-proxy-auth': h.shell } });
  early.on('error', () => undefined);
  while (h.opened.length < 2) await new Promise(setImmediate);
  early.terminate();
  const waiting = h.opened[1];
  assert.ok(waiting?.signal);
  if (!waiting.signal.aborted) await once(waiting.signal, 'abort');
  gate.resolve();
  await waiting.session.until(() => waiting.session.closed);
});

test('a lost session cuts the connection, as an application\'s', async (t) => {
  const h = await start(t);
  const { client, session } = await openAws(h);
  session.drop(new Error('suspended'));
  assert.equal(await client.closed, '1006 ');
});

test('the guest is paused while the client does not read, and nothing is lost', async (t) => {
  const h = await start(t);
  const { client, session } = await openAws(h);
  client.ws.pause();
  const chunk = Buffer.alloc(256 * 1024, 'x');
  let sent = 0;
  for (; !session.paused; sent++) {
    session.events.onOutput('stdout', chunk);
    await new Promise(setImmediate);
  }
  client.ws.resume();
  await session.until(() => !session.paused);
  session.events.onOutput('stdout', Buffer.from('last'));
  session.events.onExit(0);
  assert.equal(await client.closed, '1000 shell exited');
  assert.equal(client.seen.slice(1).reduce((sum, message) => sum + message.length - 2, 0), sent * chunk.length + 4);
  assert.equal(client.seen.at(-1), '<last>');
});

test('the client is held back while the guest takes no input', async (t) => {
  const h = await start(t);
  const { client, session } = await openAws(h);
  session.full = true;
  const chunk = Buffer.alloc(256 * 1024, 'x');
  // Buffers on the way fill up; then nothing moves any more.
  while (client.ws.bufferedAmount < 1024 * 1024) {
    client.ws.send(chunk);
    await new Promise(setImmediate);
  }
  assert.equal(session.input.length, 1, 'one message was taken, and waits');
  session.full = false;
  session.events.onDrain();
  client.ws.send('last');
  await session.until(() => session.input.at(-1) === 'last');
});

test('messages over the limit close with 1009', async (t) => {
  const h = await start(t);
  const { client, session } = await openAws(h);
  client.ws.send(Buffer.alloc(1024 * 1024 + 1));
  assert.match(await client.closed, /^1009 /);
  await session.until(() => session.closed);
  assert.deepEqual(session.input, []);
});

test('closing the endpoint ends shells', async (t) => {
  const h = await start(t);
  const { client, session } = await openAws(h);
  await h.close();
  assert.match(await client.closed, /^1006/);
  await session.until(() => session.closed);
});

test('the extension: any program, streams apart, signals, end of input, status', async (t) => {
  const h = await start(t);
  const client = new Client(h.connect([SESSION], { headers: { 'x-aws-proxy-auth': h.shell } }));
  await once(client.ws, 'open');
  assert.equal(client.ws.protocol, SESSION);
  client.ws.send(JSON.stringify({ type: 'start', run: 'exec', args: ['cat'], terminal: { cols: 1, rows: 2 } }));
  await client.until(() => client.seen.length > 0);
  assert.match(client.seen[0] ?? '', INIT);
  assert.deepEqual(h.opened[0]?.spec, { kind: 'exec', args: ['cat'], env: undefined, cwd: undefined, user: undefined, terminal: { cols: 1, rows: 2 } });
  const session = h.opened[0].session;
  client.ws.send(Buffer.from('input'));
  client.ws.send('{"type":"resize","cols":3,"rows":4}');
  client.ws.send('{"type":"signal","name":"INT"}');
  client.ws.send('{"type":"eof"}');
  await session.until(() => session.input.length === 4);
  assert.deepEqual(session.input, ['input', '<3x4>', '<SIGINT>', '<eof>']);
  session.events.onOutput('stdout', Buffer.from('out'));
  session.events.onOutput('stderr', Buffer.from('err'));
  session.events.onExit(42);
  assert.equal(await client.closed, '1000 shell exited');
  assert.deepEqual(client.seen.slice(1), ['<\x01out>', '<\x02err>', '{"type":"exit","code":42}']);
});

test('the extension says what is wrong, and closes', async (t) => {
  const h = await start(t);
  const answered = async (...messages: readonly (string | Buffer)[]): Promise<string[]> => {
    const client = new Client(h.connect([SESSION, 'lambda-microvms', `lambda-microvms.authentication.${h.shell}`]));
    await once(client.ws, 'open');
    for (const message of messages) client.ws.send(message);
    const closed = await client.closed;
    return [...client.seen.filter((text) => !INIT.test(text)).map((text) => (JSON.parse(text) as { code: string }).code), closed];
  };
  const exec = '{"type":"start","run":"exec","args":["x"]}';
  assert.deepEqual(await answered('nonsense'), ['bad_request', '1008 bad_request']);
  assert.deepEqual(await answered(Buffer.from(exec)), ['bad_request', '1008 bad_request']);
  assert.equal(h.opened.length, 0);
  h.gateway.gate = new Promise(() => undefined);
  assert.deepEqual(await answered(exec, 'early'), ['1008 wait for session_init']);
  for (const [error, ...wanted] of [
    [new SessionRefusedError('start_failed', 'no x'), 'start_failed', '1008 start_failed'], [new UnreachableError('suspended', 'it is suspended'), 'suspended', '1011 suspended'], [new Error('ours'), '1011 internal'],
  ] as const) {
    h.gateway.sessions = () => Promise.reject(error);
    assert.deepEqual(await answered(exec), wanted);
  }
});

test('the extension tells of a lost session, and ends one whose client breaks the rules', async (t) => {
  const h = await start(t);
  const open = async (): Promise<{ client: Client; session: FakeSession }> => {
    const client = new Client(h.connect([SESSION], { headers: { 'x-aws-proxy-auth': h.shell } }));
    await once(client.ws, 'open');
    client.ws.send('{"type":"start","run":"shell"}');
    await client.until(() => client.seen.length > 0);
    return { client, session: h.opened.at(-1)?.session as FakeSession };
  };
  const lost = await open();
  lost.session.drop(new Error('the MicroVM is being suspended'));
  assert.equal(await lost.client.closed, '1011 session lost');
  assert.equal(lost.client.seen[1], '{"type":"error","code":"lost","message":"the MicroVM is being suspended"}');
  const rude = await open();
  rude.client.ws.send('{"type":"what"}');
  assert.match(await rude.client.closed, /^1008 /);
  await rude.session.until(() => rude.session.closed);
});

test('a shell token of an unknown host opens nothing', async (t) => {
  const h = await start(t);
  h.gateway.record = { ...record, endpointLabel: 'other' };
  assert.equal(await refused(h.connect([], { headers: { 'x-aws-proxy-auth': h.shell } })), '403 UNAUTHORIZED Token authentication failed');
});
