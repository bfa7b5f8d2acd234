/**
 * Every parser of the endpoint and of the guest's host side that sees bytes of a network or a guest. FUZZ_INPUTS inputs
 * for all together (default 10,000); FUZZ_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import test from 'node:test';
import { createLabelOf } from '../../../src/endpoint/hosts.js';
import { parsePort } from '../../../src/endpoint/ports.js';
import { parseSubprotocols } from '../../../src/endpoint/subprotocols.js';
import { createTokenService } from '../../../src/endpoint/tokens.js';
import { ProtocolError } from '../../../src/endpoint/upstream/contracts.js';
import { AnswerParser, type ParsedHead } from '../../../src/endpoint/upstream/http1-parser.js';
import { parseAnswer } from '../../../src/guest/answer.js';
import { AppConnectError, GuestAgentError } from '../../../src/guest/contracts.js';
import { encodeFrame, FrameReader } from '../../../src/guest/frames.js';
import { LineReader } from '../../../src/guest/line-reader.js';
import { below, mutated, pick, pieces, seeded } from './fuzz-inputs.js';
import { HOST, LABEL, scratchDir, start, VM } from './harness.js';

const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? 10_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
/** Share of the inputs that a part gets. */
const share = (part: number): number => Math.ceil(INPUTS * part);

const ANSWERS = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n',
  'HTTP/1.0 200 OK\r\nServer: x\r\n\r\nuntil the end',
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nrest',
  'HTTP/1.1 304 Not Modified\r\nKeep-Alive: timeout=5\r\nContent-Length: 5\r\n\r\n',
];

/** Fields that one version carries and the other, or node, does not. */
const FIELDS = ['ETag: a\r\nETag: b', 'Trailer: X', 'Connection: close, x', 'Upgrade: websocket', 'Transfer-Encoding: chunked', 'Content-Length: 2', 'Link: <x>; rel=preload', 'Date: x\r\nDate: y', ': x', 'X: \xff', 'TE: gzip', 'HTTP2-Settings: x', 'Keep-Alive: timeout=x'];

/** What a parser said of the bytes, bodies joined: pieces must not change it. */
function parsed(parts: readonly Buffer[], method: string, upgrade: boolean): string {
  const seen: string[] = [];
  let body = '';
  /** No text that came out can make two lines when it is written again. */
  const checked = (texts: readonly string[]): readonly string[] => {
    for (const text of texts) assert.ok(!/[\r\n\0]/.test(text), JSON.stringify(text));
    return texts;
  };
  const told = (head: ParsedHead): string => JSON.stringify([head.status, head.bodiless, ...checked([head.reason, ...head.headers])]);
  const parser = new AnswerParser({
    onInterim: (head) => seen.push(`interim ${told(head)}`),
    onHead: (head) => seen.push(`head ${told(head)}`),
    onBody: (chunk) => (body += chunk.toString('latin1')),
    onEnd: (trailers, reusable, idleMs) => seen.push(`end ${JSON.stringify([checked(trailers), reusable, idleMs])}`),
    onSwitch: (head) => seen.push(`switch ${told(head)}`),
  });
  parser.expect(method, upgrade);
  try {
    for (const part of parts) parser.push(part);
    parser.finish();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    seen.push('refused');
  }
  return `${seen.join('\n')}\n${body}`;
}

test('answers of applications: nothing but a ProtocolError, and the same however they are cut', () => {
  const random = seeded(SEED);
  for (let i = 0; i < share(0.4); i += 1) {
    const bytes = Buffer.from(mutated(random, pick(random, ANSWERS)), 'latin1');
    const method = pick(random, ['GET', 'HEAD', 'POST']);
    const upgrade = random() < 0.3;
    const whole = parsed([bytes], method, upgrade);
    const cut = parsed(pieces(random, bytes), method, upgrade);
    assert.equal(cut, whole, `seed ${SEED}, input ${i}: ${JSON.stringify(bytes.toString('latin1'))}`);
  }
});

/** What a reader gave, or that it refused. */
function readAll<T>(reader: { push(chunk: Buffer): T[] }, parts: readonly Buffer[]): { items: T[]; refused: boolean } {
  const items: T[] = [];
  try {
    for (const part of parts) items.push(...reader.push(part));
  } catch (error) {
    if (!(error instanceof GuestAgentError)) throw error;
    return { items, refused: true };
  }
  return { items, refused: false };
}

test('frames and lines of a guest: nothing but a GuestAgentError, and the same however they are cut', () => {
  const random = seeded(SEED + 1);
  const frame = (type: number, text: string): string => encodeFrame(type, Buffer.from(text)).toString('latin1');
  const frames = [frame(1, 'out') + frame(2, 'err') + frame(3, '0'), frame(1, '') + frame(3, '255'), frame(3, '7') + frame(1, 'late'), frame(1, 'x'.repeat(300))];
  const lines = ['{"seq":1,"time":2,"stream":"stdout","text":"a"}\n{"exit":0}\n', 'a\n\n\nb', `${'x'.repeat(70)}\n`];
  for (let i = 0; i < share(0.2); i += 1) {
    const framed = random() < 0.5;
    const bytes = Buffer.from(mutated(random, pick(random, framed ? frames : lines)), 'latin1');
    const make = (): { push(chunk: Buffer): unknown[] } => (framed ? new FrameReader() : new LineReader(64));
    const whole = readAll(make(), [bytes]);
    const cut = readAll(make(), pieces(random, bytes));
    assert.equal(cut.refused, whole.refused, `seed ${SEED}, input ${i}`);
    if (!whole.refused) assert.deepEqual(cut.items, whole.items);
  }
});

test('answer lines of a guest: an object, or one of two errors', () => {
  const random = seeded(SEED + 2);
  const seeds = ['{"ok":true,"pid":1}', '{"ok":false,"code":"refused","message":"x"}', '{"ok":false,"code":"internal","message":"y"}', '[]', 'null', '{"__proto__":{"ok":true}}'];
  for (let i = 0; i < share(0.1); i += 1) {
    try {
      assert.equal(parseAnswer('ping', mutated(random, pick(random, seeds)))['ok'], true);
    } catch (error) {
      assert.ok(error instanceof GuestAgentError || error instanceof AppConnectError, String(error));
    }
  }
});

test('host names, ports and subprotocols', () => {
  const random = seeded(SEED + 3);
  const labelOf = createLabelOf('localhost');
  for (let i = 0; i < share(0.15); i += 1) {
    const host = mutated(random, pick(random, [HOST, `${HOST}:7443`, 'localhost', `a.${HOST}`]));
    const label = labelOf(host, undefined);
    if (label !== undefined) assert.ok(host.toLowerCase().startsWith(`${label}.microvm.localhost`) && !label.includes('.'), host);
    assert.equal(labelOf(host, `${HOST}x`), undefined);
    const port = parsePort(mutated(random, pick(random, ['80', '65535', '8080', '1'])));
    assert.ok(port === undefined || (Number.isInteger(port) && port >= 1 && port <= 65535));
    const { others, token } = parseSubprotocols(mutated(random, `lambda-microvms, lambda-microvms.authentication.abc, chat, lambda-microvms.port.80, ${LABEL}`));
    for (const other of others) assert.ok(other !== 'lambda-microvms' && !/^lambda-microvms\.(authentication|port)\./.test(other) && !other.includes(','));
    assert.ok(token === undefined || !token.includes(','));
  }
});

test('tokens: no altered one is valid', async (t) => {
  const random = seeded(SEED + 4);
  const tokens = await createTokenService({ dataDir: await scratchDir(t), clock: { now: Date.now } });
  const good = await tokens.issueAppToken({ microvmId: VM, allowedPorts: [{ allPorts: {} }], expiresInMinutes: 5 });
  const memo = {};
  assert.equal((await tokens.verify(good, memo)).kind, 'valid');
  for (let i = 0; i < share(0.1); i += 1) {
    const altered = mutated(random, good);
    if (altered !== good) assert.equal((await tokens.verify(altered, memo)).kind, 'unreadable', `seed ${SEED}, input ${i}: ${JSON.stringify(altered)} of ${good}`);
  }
});

test('whole requests without a token: none connects, and the endpoint serves on', async (t) => {
  const random = seeded(SEED + 5);
  const h = await start(t);
  await h.app((_req, res) => res.end('reached'));
  const forged = `${h.token.slice(0, -4)}AAAA`;
  const seeds = ['', `X-aws-proxy-auth: ${forged}\r\n`].flatMap((auth) => [
    `GET / HTTP/1.1\r\nHost: ${HOST}\r\n${auth}\r\n`,
    `POST /a HTTP/1.1\r\nHost: ${HOST}\r\n${auth}Content-Length: 5\r\n\r\nhello`,
    `POST /a HTTP/1.1\r\nHost: ${HOST}\r\n${auth}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    `GET /ws HTTP/1.1\r\nHost: ${HOST}\r\n${auth}Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: lambda-microvms, lambda-microvms.authentication.${forged}\r\n\r\n`,
  ]);
  const one = async (): Promise<void> => {
    const socket = await h.tlsConnect();
    const closed = new Promise((resolve) => socket.once('close', resolve).on('error', () => socket.destroy()));
    socket.resume();
    for (const part of pieces(random, Buffer.from(mutated(random, pick(random, seeds)), 'latin1'))) socket.write(part);
    socket.end();
    await closed;
  };
  let left = share(0.05);
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (left > 0) {
      left -= 1;
      await one();
    }
  }));
  assert.equal(h.gateway.connects, 0);
  assert.equal((await h.fetch({ path: `/${below(random, 100)}` })).body, 'reached');
});

test('broken answers of an application, to clients of both versions and as upgrades: the endpoint serves on', async (t) => {
  const random = seeded(SEED + 6);
  const h = await start(t);
  await h.rawApp((socket) => socket.on('data', (bytes: Buffer) => {
    if (bytes[0] === 0x16) return void socket.end(); // a ClientHello
    const seed = random() < 0.5 ? pick(random, ANSWERS) : `HTTP/1.1 ${pick(random, ['103', '200', '101', '204'])} OK\r\n${pick(random, FIELDS)}\r\n${pick(random, FIELDS)}\r\n\r\nok`;
    for (const part of pieces(random, Buffer.from(random() < 0.2 ? seed : mutated(random, seed), 'latin1'))) socket.write(part);
    socket.end();
  }));
  const session = http2.connect(`https://127.0.0.1:${h.port}`, { ca: h.ca, servername: HOST });
  t.after(() => session.destroy());
  const over2 = (): Promise<unknown> => new Promise((resolve) => {
    const stream = session.request({ ':authority': HOST, 'x-aws-proxy-auth': h.token });
    stream.once('close', resolve).on('error', () => undefined).resume();
  });
  const over1 = (upgrade: boolean): Promise<unknown> => new Promise((resolve) => {
    const req = h.request({ headers: upgrade ? { connection: 'upgrade', upgrade: 'websocket' } : {} });
    req.once('close', resolve).on('error', () => undefined).on('response', (res) => res.on('error', () => undefined).resume());
    req.on('upgrade', (_res, socket) => socket.on('error', () => undefined).destroy());
    req.end();
  });
  for (let i = 0; i < share(0.03); i += 1) await pick(random, [over2, () => over1(false), () => over1(true)])();
  await h.app((_req, res) => res.end('fine'), 8081);
  assert.equal((await h.fetch({ headers: { 'x-aws-proxy-port': '8081' } })).body, 'fine');
});
