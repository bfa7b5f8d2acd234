import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { AppConnectError } from '../../../src/guest/contracts.js';
import { createCallHook } from '../../../src/hooks/call.js';
import type { HookCall } from '../../../src/hooks/contracts.js';

type Answer = (socket: Socket, request: string) => void;

/** A raw TCP server: each connection's request text is kept and answered by the n-th answer (the last one repeats). */
class App {
  readonly requests: string[] = [];
  readonly sockets = new Set<Socket>();
  refusals = 0;
  readonly #server: Server;

  constructor(...answers: Answer[]) {
    this.#server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
        const head = text.indexOf('\r\n\r\n');
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
        if (head < 0 || text.length < head + 4 + length) return;
        this.requests.push(text);
        answers[Math.min(this.requests.length, answers.length) - 1]?.(socket, text);
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  readonly agent = {
    dial: (_port: number, signal?: AbortSignal): Promise<Socket> =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        if (this.refusals-- > 0) return reject(new AppConnectError('nothing listens on port 9000 of the guest'));
        const socket = connect((this.#server.address() as AddressInfo).port, '127.0.0.1', () => resolve(socket));
      }),
  };

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const respond = (status: number, body = ''): Answer => (socket) =>
  socket.end(`HTTP/1.1 ${status} Any\r\nContent-Length: ${body.length}\r\n\r\n${body}`);

const callHook = createCallHook(undefined, () => 'request-1');
const run: HookCall = { hook: 'run', port: 9000, timeoutMs: 5_000, body: '{"microvmId":"microvm-1"}' };
const ready: HookCall = { hook: 'ready', port: 9000, timeoutMs: 5_000 };

describe('callHook', () => {
  let app: App | undefined;
  const serve = async (...answers: Answer[]): Promise<App> => {
    app = new App(...answers);
    await app.start();
    return app;
  };
  afterEach(() => app?.stop());

  it('posts the body to the hook as AWS does', async () => {
    const { agent, requests } = await serve(respond(200));
    assert.deepEqual(await callHook(agent, run), { kind: 'ok' });
    assert.equal(requests.length, 1);
    const [head, body] = (requests[0] ?? '').split('\r\n\r\n');
    const lines = head?.split('\r\n') ?? [];
    assert.equal(lines[0], 'POST /aws/lambda-microvms/runtime/v1/run HTTP/1.1');
    assert.ok(lines.includes('Host: localhost:9000'));
    assert.ok(lines.includes('Content-Type: application/json'));
    assert.ok(lines.includes(`Content-Length: ${run.body?.length}`));
    assert.doesNotMatch(head ?? '', /user-agent|x-amzn-requestid|transfer-encoding/i);
    assert.equal(body, run.body);
  });

  it('sends image hooks without a body and with a request id', async () => {
    const { agent, requests } = await serve(respond(200));
    assert.deepEqual(await callHook(agent, ready), { kind: 'ok' });
    assert.match(requests[0] ?? '', /x-amzn-requestid: request-1\r\n/);
    assert.match(requests[0] ?? '', /Content-Length: 0\r\n/);
    assert.doesNotMatch(requests[0] ?? '', /content-type/i);
  });

  for (const status of [201, 204, 302, 404, 500, 503]) {
    it(`calls a runtime hook once when it answers ${status}`, async () => {
      const { agent, requests } = await serve(respond(status));
      assert.deepEqual(await callHook(agent, { ...run, hook: 'suspend' }), { kind: 'status', status });
      assert.equal(requests.length, 1);
    });
  }

  it('polls an image hook while it answers 503', async () => {
    const { agent, requests } = await serve(respond(503, 'not yet'), respond(503), respond(200));
    assert.deepEqual(await callHook(agent, ready), { kind: 'ok' });
    assert.equal(requests.length, 3);
  });

  it('ends polling at any other status', async () => {
    const { agent } = await serve(respond(503), respond(404));
    assert.deepEqual(await callHook(agent, { ...ready, hook: 'validate' }), { kind: 'status', status: 404 });
  });

  for (const hook of ['ready', 'run'] as const) {
    it(`retries ${hook} while nothing listens`, async () => {
      const fixture = await serve(respond(200));
      fixture.refusals = 2;
      assert.deepEqual(await callHook(fixture.agent, { ...ready, hook }), { kind: 'ok' });
      assert.equal(fixture.requests.length, 1);
    });
  }

  it('times out over all tries and says what the last one met', async () => {
    const fixture = await serve(respond(503));
    assert.deepEqual(await callHook(fixture.agent, { ...ready, timeoutMs: 200 }), { kind: 'timeout', last: 'HTTP status 503' });
    fixture.refusals = Infinity;
    const outcome = await callHook(fixture.agent, { ...run, timeoutMs: 100 });
    assert.deepEqual(outcome, { kind: 'timeout', last: 'nothing listens on port 9000 of the guest' });
  });

  it('times out on an answer that never comes, and closes the connection', async () => {
    const { agent, sockets } = await serve(() => undefined);
    assert.deepEqual(await callHook(agent, { ...run, timeoutMs: 50 }), { kind: 'timeout', last: 'no answer within the time' });
    for (const socket of sockets) await new Promise((resolve) => socket.once('close', resolve));
  });

  it('does not call a runtime hook twice when its connection breaks', async () => {
    const { agent, requests } = await serve((socket) => socket.resetAndDestroy());
    const outcome = await callHook(agent, run);
    assert.equal(outcome.kind, 'broken');
    assert.equal(requests.length, 1);
  });

  it('polls an image hook again when its connection breaks', async () => {
    const { agent, requests } = await serve((socket) => socket.destroy(), respond(200));
    assert.deepEqual(await callHook(agent, ready), { kind: 'ok' });
    assert.equal(requests.length, 2);
  });

  it('takes no harm from an answer that is not HTTP', async () => {
    const { agent } = await serve((socket) => socket.end('garbage\r\n\r\n'));
    assert.equal((await callHook(agent, run)).kind, 'broken');
  });

  it('stops reading an endless body', async () => {
    let sent = 0;
    const { agent } = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const chunk = `1000\r\n${'x'.repeat(4096)}\r\n`;
      const more = (): void => {
        while (!socket.destroyed && socket.write(chunk)) sent += 4096;
      };
      socket.on('drain', more);
      more();
    });
    assert.deepEqual(await callHook(agent, { ...run, timeoutMs: 60_000 }), { kind: 'ok' });
    assert.ok(sent < 64 * 1024 * 1024);
  });

  it('counts the status of an answer whose body never ends', async () => {
    const { agent } = await serve((socket) => socket.write('HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\nabc'));
    assert.deepEqual(await callHook(agent, { ...run, timeoutMs: 50 }), { kind: 'status', status: 500 });
  });

  it('rejects with the reason of the caller who aborts', async () => {
    const { agent } = await serve(() => undefined);
    const abort = new AbortController();
    const call = callHook(agent, { ...run, signal: abort.signal });
    abort.abort(new Error('terminated meanwhile'));
    await assert.rejects(call, /terminated meanwhile/);
    await assert.rejects(callHook(agent, { ...run, signal: abort.signal }), /terminated meanwhile/);
  });
});
