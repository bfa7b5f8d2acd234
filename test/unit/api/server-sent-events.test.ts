/** The sender over real sockets: clients that take nothing, leave, or may no longer read. */
import assert from 'node:assert/strict';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { sendServerSentEvents, ServerSentEvents, type SendOptions, type ServerSentEvent } from '../../../src/api/server-sent-events.js';

const event = (id: number, data = 'x'): ServerSentEvent => ({ id: String(id), event: 'type', data });

/** Serves one stream; resolves to the client's response and what became of the sending. */
async function serve(t: TestContext, source: (signal: AbortSignal) => AsyncIterable<ServerSentEvent | 'quiet'>, options: Partial<SendOptions> = {}): Promise<{ response: IncomingMessage; sent: Promise<void>; closed: () => number }> {
  let closed = 0;
  let done!: (sent: Promise<void>) => void;
  const began = new Promise<{ sent: Promise<void> }>((resolve) => (done = (sent) => resolve({ sent })));
  const server = createServer((_request, response: ServerResponse) => {
    const sent = sendServerSentEvents(response, new ServerSentEvents(source, () => closed++), { closing: new AbortController().signal, allowed: () => true, ...options });
    sent.catch(() => undefined); // the test awaits it, a little later
    done(sent);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const response = await new Promise<IncomingMessage>((resolve, reject) => get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false }, resolve).once('error', reject));
  return { response, sent: (await began).sent, closed: () => closed };
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

test('writes events and keep-alives in the format of the standard', async (t) => {
  const { response, sent, closed } = await serve(t, async function* () {
    yield event(1, '{"a":1}');
    yield 'quiet';
    await Promise.resolve();
    yield event(2);
  });
  assert.equal(await textOf(response), 'id: 1\nevent: type\ndata: {"a":1}\n\n: keep-alive\n\nid: 2\nevent: type\ndata: x\n\n');
  await sent;
  assert.equal(closed(), 1);
});

test('a client that takes nothing is cut off, and holds no more than a socket’s buffers', async (t) => {
  let given = 0;
  const { response, sent, closed } = await serve(t, async function* () {
    for (;;) {
      given++;
      yield await Promise.resolve(event(given, 'x'.repeat(64 * 1024)));
    }
  }, { stalledMs: 200 });
  response.pause();
  await sent;
  assert.equal(closed(), 1);
  assert.ok(given < 1000, `${given} events of 64 KiB were read for a client that takes none`);
  await assert.rejects(textOf(response), /aborted/);
});

test('ends with its client, and when the server closes', async (t) => {
  const waiting = async function* (signal: AbortSignal): AsyncGenerator<ServerSentEvent> {
    yield event(1);
    await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
  };
  const left = await serve(t, waiting);
  left.response.once('data', () => left.response.destroy());
  await left.sent;
  assert.equal(left.closed(), 1);

  const closing = new AbortController();
  const stopped = await serve(t, waiting, { closing: closing.signal });
  const text = textOf(stopped.response);
  setImmediate(() => closing.abort(new Error('the server closes')));
  await stopped.sent;
  assert.equal(await text, 'id: 1\nevent: type\ndata: x\n\n');
});

test('ends when its reader may no longer read', async (t) => {
  let asked = 0;
  const { response, sent } = await serve(t, async function* () {
    for (;;) yield await Promise.resolve('quiet' as const);
  }, { allowed: () => ++asked < 3 });
  assert.equal(await textOf(response), ': keep-alive\n\n: keep-alive\n\n');
  await sent;
});

test('a fault of its source is the server’s', async (t) => {
  const { sent, response, closed } = await serve(t, async function* () {
    yield await Promise.resolve(event(1));
    throw new Error('the store is gone');
  });
  response.on('error', () => undefined).resume();
  await assert.rejects(sent, /the store is gone/);
  assert.equal(closed(), 1);
});
