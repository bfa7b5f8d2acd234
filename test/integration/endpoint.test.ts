/** Applications of every protocol in a real VM, and the clients people use. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http2 from 'node:http2';
import { after, before, describe, it } from 'node:test';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateMicrovmAuthTokenCommand } from '@aws-sdk/client-lambda-microvms';
import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { Agent, request } from 'undici';
import { WebSocket } from 'ws';
import { EchoClient } from './apps/protocols/grpc.js';
import { protocolsZip } from './apps/protocols/image.js';
import { PORTS } from './apps/protocols/ports.js';
import { startChromium, type Chromium } from './support/chromium.js';
import { buildImage } from './support/images.js';
import { type RunningVm, runVm } from './support/microvms.js';
import { closeShared, type Service, sharedService } from './support/service.js';

const run = promisify(execFile);
const GIB = 2 ** 30;
const lookup = (_name: string, _options: object, done: (error: null, addresses: { address: string; family: number }[]) => void): void => done(null, [{ address: '127.0.0.1', family: 4 }]);

describe('endpoint', () => {
  let service: Service;
  let vm: RunningVm;
  let token: string;
  let ca: string;
  let agent: Agent;
  let host: string;
  let port: string;

  const url = (path: string): string => `https://${vm.endpoint}${path}`;
  const auth = (to?: number): Record<string, string> => ({ 'x-aws-proxy-auth': token, ...(to === undefined ? {} : { 'x-aws-proxy-port': String(to) }) });
  /** Standard output, with the version and the status curl saw in its last line. */
  const curl = async (path: string, to: number, ...args: string[]): Promise<{ body: string; version: string; status: string }> => {
    const fields = Object.entries(auth(to)).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const { stdout } = await run('curl', ['-sS', '--cacert', service.daemon.caFile ?? '', '--resolve', `${host}:${port}:127.0.0.1`, '-w', '\n%{http_version} %{http_code}', ...fields, ...args, url(path)], { maxBuffer: 64 * 2 ** 20 });
    const at = stdout.lastIndexOf('\n');
    const [version = '', status = ''] = stdout.slice(at + 1).split(' ');
    return { body: stdout.slice(0, at), version, status };
  };
  const socketTo = (protocols: string[], headers: Record<string, string> = {}): WebSocket =>
    new WebSocket(`wss://${vm.endpoint}/`, protocols, { ca, headers, lookup });
  const bySubprotocol = (to: number): string[] => ['lambda-microvms', `lambda-microvms.authentication.${token}`, `lambda-microvms.port.${to}`];

  before(async () => {
    service = await sharedService();
    const uri = await service.upload('protocols.zip', await protocolsZip());
    const outcome = await buildImage(service, 'protocols', uri, {
      resources: [{ minimumMemoryInMiB: 1024 }],
      hooks: { port: PORTS.hooks, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 240 }, microvmHooks: { resume: 'ENABLED', resumeTimeoutInSeconds: 60 } },
    });
    assert.equal(outcome.state, 'CREATED', `${outcome.build.stateReason ?? ''}\n${outcome.log}`);
    vm = await runVm(service, outcome.imageArn);
    [host = '', port = ''] = vm.endpoint.split(':');
    ca = await readFile(service.daemon.caFile ?? '', 'utf8');
    agent = new Agent({ connect: { ca, lookup } });
    const { authToken } = await service.microvms.send(new CreateMicrovmAuthTokenCommand({ microvmIdentifier: vm.id, expirationInMinutes: 60, allowedPorts: [{ allPorts: {} }] }));
    token = authToken?.['X-aws-proxy-auth'] ?? '';
  });

  after(async () => {
    await agent.close();
    await vm.terminate();
    await closeShared();
  });

  it('undici: node:http, its headers, and an event stream that is not held back', async () => {
    const echo = await request(url('/echo'), { dispatcher: agent, method: 'POST', headers: auth(), body: 'hello' });
    assert.equal(await echo.body.text(), 'hello');
    const seen = await request(url('/request'), { dispatcher: agent, headers: auth() });
    const { headers } = (await seen.body.json()) as { headers: Record<string, string> };
    assert.deepEqual([headers['host'], headers['x-forwarded-for'], headers['x-forwarded-proto'], headers['x-forwarded-host']], [vm.endpoint, '127.0.0.1', 'https', vm.endpoint]);
    assert.ok(!Object.keys(headers).some((name) => name.startsWith('x-aws-proxy')));
    const clock = await request(url('/clock'), { dispatcher: agent, headers: auth() });
    let text = '';
    for await (const chunk of clock.body as AsyncIterable<Buffer>) {
      text += chunk.toString();
      if (text.includes('data: 3\n\n')) break;
    }
    assert.ok(text.startsWith('data: 0\n\ndata: 1\n\n'));
    const broken = await request(url('/break'), { dispatcher: agent, headers: auth() });
    await assert.rejects(broken.body.text());
  });

  for (const version of ['1.1', '2']) {
    it(`curl over HTTP/${version}: node:http, Flask, TLS and HTTP/2 applications`, async () => {
      const flag = version === '2' ? '--http2' : '--http1.1';
      assert.deepEqual(await curl('/echo', PORTS.http, flag, '-d', 'to node'), { body: 'to node', version, status: '200' });
      assert.deepEqual(await curl('/echo', PORTS.https, flag, '-d', 'to TLS'), { body: 'to TLS', version, status: '200' });
      assert.deepEqual(await curl('/', PORTS.http2Tls, flag, '-d', 'to HTTP/2 over TLS'), { body: 'to HTTP/2 over TLS', version, status: '200' });
      assert.deepEqual(await curl('/', PORTS.http2, flag, '-H', 'X-aws-proxy-force-h2: true', '-d', 'to h2c'), { body: 'to h2c', version, status: '200' });
      const flask = await curl('/echo', PORTS.flask, flag, '-H', 'content-type: text/plain', '-d', 'to Flask');
      assert.deepEqual([(JSON.parse(flask.body) as { body: string; host: string }).body, flask.version, flask.status], ['to Flask', version, '200']);
      assert.equal((await curl('/stream', PORTS.flask, flag)).body, 'line 0\nline 1\nline 2\nline 3\nline 4\n');
      assert.equal((await curl('/echo', PORTS.http, flag, '-I')).status, '200');
      const big = await curl('/length', PORTS.http, flag, '-H', 'Expect: 100-continue', '--data-binary', `@${process.execPath}`);
      assert.equal(Number(big.body), (await readFile(process.execPath)).length);
      assert.equal((await curl('/echo', PORTS.http, flag, '-H', 'X-aws-proxy-force-h2: true')).status, '502');
    });
  }

  it('node: trailers both ways, over HTTP/2', async () => {
    const session = http2.connect(`https://127.0.0.1:${port}`, { ca, servername: host });
    try {
      const stream = session.request({ ':method': 'POST', ':authority': vm.endpoint, ':path': '/trailers', ...auth() }, { waitForTrailers: true });
      stream.once('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }));
      stream.end('part');
      const trailers = once(stream, 'trailers') as Promise<[http2.IncomingHttpHeaders]>;
      stream.resume();
      assert.equal((await trailers)[0]['x-sum'], '7');
    } finally {
      session.destroy();
    }
  });

  it('grpc-js: all four kinds, metadata, trailers, a status', async () => {
    const client = new EchoClient(`ipv4:127.0.0.1:${port}`, credentials.createSsl(Buffer.from(ca)), { 'grpc.ssl_target_name_override': host, 'grpc.default_authority': vm.endpoint });
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(auth(PORTS.grpc))) metadata.set(name, value);
    metadata.set('x-from', 'grpc-js');
    type Call = NodeJS.ReadWriteStream & { once(event: 'status', listener: (status: { metadata: Metadata }) => void): unknown };
    type Method = (...args: unknown[]) => Call;
    const method = (name: string): Method => (client[name] as Method).bind(client);
    const collect = async (stream: NodeJS.ReadableStream): Promise<string[]> => {
      const parts: string[] = [];
      for await (const part of stream as AsyncIterable<Buffer>) parts.push(part.toString());
      return parts;
    };
    try {
      const answer = await new Promise<[string, Metadata]>((resolve, reject) => {
        let body = '';
        const call = method('unary')(Buffer.from('hello'), metadata, (error: ServiceError | null, value: Buffer) => (error === null ? (body = value.toString()) : reject(error)));
        call.once('status', (status) => resolve([body, status.metadata]));
      });
      assert.deepEqual([answer[0], answer[1].get('x-from')], ['hello', ['grpc-js']]);
      const failure = await new Promise<ServiceError | null>((resolve) => method('unary')(Buffer.from('fail'), metadata, resolve));
      assert.deepEqual([failure?.code, failure?.details], [9, 'asked to fail']);
      assert.deepEqual(await collect(method('serverStream')(Buffer.from('part'), metadata)), [0, 1, 2, 3, 4].map((i) => `part ${i}`));
      const joined = await new Promise<string>((resolve, reject) => {
        const call = method('clientStream')(metadata, (error: ServiceError | null, value: Buffer) => (error === null ? resolve(value.toString()) : reject(error)));
        for (const part of ['a', 'b', 'c']) call.write(Buffer.from(part) as never);
        call.end();
      });
      assert.equal(joined, 'a b c');
      const bidi = method('bidi')(metadata);
      const replies = bidi[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      for (const part of ['ping', 'pong']) {
        bidi.write(Buffer.from(part) as never);
        assert.equal(String((await replies.next()).value), part, 'each comes back before the next is sent');
      }
      bidi.end();
      assert.equal((await replies.next()).done, true);
    } finally {
      client.close();
    }
  });

  for (const to of [PORTS.webSocket, PORTS.https]) {
    it(`ws on port ${to}: by subprotocol and by header; text, binary, fragments, compression`, async () => {
      for (const [protocols, headers, chosen] of [[bySubprotocol(to), {}, 'lambda-microvms'], [[...bySubprotocol(to), 'chat'], {}, 'chat'], [[], auth(to), '']] as const) {
        const socket = socketTo([...protocols], headers);
        await once(socket, 'open');
        assert.equal(socket.protocol, chosen);
        assert.match(socket.extensions, /permessage-deflate/);
        const exchange = async (data: string | Buffer): Promise<void> => {
          socket.send(data);
          const [back, binary] = (await once(socket, 'message')) as [Buffer, boolean];
          assert.deepEqual([back.equals(Buffer.from(data)), binary], [true, typeof data !== 'string']);
        };
        await exchange('text');
        await exchange(Buffer.from([0, 1, 2, 255]));
        await exchange(Buffer.alloc(2 ** 20, 'a'));
        socket.send('in ', { fin: false });
        socket.send('pieces', { fin: true });
        assert.equal(String((await once(socket, 'message'))[0]), 'in pieces');
        socket.close(1000, 'done');
        assert.equal((await once(socket, 'close'))[0], 1000);
      }
    });
  }

  it('ws: a token missing or for another port is refused', async () => {
    for (const protocols of [[], ['lambda-microvms'], bySubprotocol(PORTS.webSocket).slice(1), ['lambda-microvms', `lambda-microvms.authentication.x${token}`]]) {
      const socket = socketTo(protocols);
      const [error] = (await once(socket, 'error')) as [Error];
      assert.match(error.message, /403/);
    }
  });

  it('Chromium: a WebSocket by subprotocol, a page over HTTP/2', async (t) => {
    let chromium: Chromium;
    try {
      chromium = await startChromium(await readFile(join(service.config.dataDir, 'keys/endpoint.pem'), 'utf8'));
    } catch (error) {
      return t.skip(`no chromium package here: ${error instanceof Error ? error.message.slice(0, 200) : ''}`);
    }
    try {
      const script = (name: string, protocols: string[]): string => `new Promise((resolve) => {
        const socket = new WebSocket(${JSON.stringify(`wss://${name}/`)}, ${JSON.stringify(protocols)});
        socket.onopen = () => socket.send('from the browser');
        socket.onmessage = ({ data }) => { resolve(socket.protocol + ': ' + data); socket.close(); };
        socket.onclose = ({ code }) => resolve('closed ' + code);
      })`;
      assert.equal(await chromium.evaluate(script(vm.endpoint, bySubprotocol(PORTS.webSocket))), 'lambda-microvms: from the browser', chromium.version);
      assert.equal(await chromium.evaluate(script(vm.endpoint, ['lambda-microvms'])), 'closed 1006');
    } finally {
      await chromium.close();
    }
  });

  it('1,000 idle WebSockets on one MicroVM', async () => {
    const sockets: WebSocket[] = [];
    try {
      for (let i = 0; i < 20; i += 1) {
        const batch = Array.from({ length: 50 }, () => socketTo(bySubprotocol(PORTS.webSocket)));
        sockets.push(...batch);
        await Promise.all(batch.map((socket) => once(socket, 'open')));
      }
      assert.equal(sockets.filter((socket) => socket.readyState === WebSocket.OPEN).length, 1000);
      await Promise.all(sockets.map(async (socket, i) => {
        if (i % 100 !== 0) return;
        socket.send(String(i));
        assert.equal(String((await once(socket, 'message'))[0]), String(i));
      }));
    } finally {
      for (const socket of sockets) socket.terminate();
    }
  });

  it('1 GiB each way through one request, in little memory', async () => {
    const fields = Object.entries(auth()).map(([name, value]) => `-H '${name}: ${value}'`).join(' ');
    const script = `head -c ${GIB} /dev/zero | curl -sS --http1.1 --cacert "$1" --resolve ${host}:${port}:127.0.0.1 ${fields} -T - -X POST ${url('/echo')} | wc -c`;
    const before = process.memoryUsage.rss();
    let peak = before;
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 50);
    const child = spawn('sh', ['-c', script, 'sh', service.daemon.caFile ?? ''], { stdio: ['ignore', 'pipe', 'inherit'] });
    let count = '';
    child.stdout.on('data', (chunk: Buffer) => (count += chunk.toString()));
    await once(child, 'close');
    clearInterval(timer);
    assert.equal(Number(count), GIB);
    const grown = (peak - before) / 2 ** 20;
    console.log(`# the daemon's process grew by ${grown.toFixed(1)} MiB`);
    assert.ok(grown < 50, `grew by ${grown.toFixed(1)} MiB`);
  });

  it('200 requests at once on a suspended MicroVM: one resume, 200 answers', async () => {
    const resumes = async (): Promise<number> => {
      const { body } = await request(url('/hooks'), { dispatcher: agent, headers: auth() });
      return ((await body.json()) as Record<string, number>)['resume'] ?? 0;
    };
    const before = await resumes();
    await vm.suspend();
    const answers = await Promise.all(Array.from({ length: 200 }, async (_, i) => {
      const { statusCode, body } = await request(url('/echo'), { dispatcher: agent, method: 'POST', headers: auth(), body: `body ${i}` });
      return `${statusCode} ${await body.text()}`;
    }));
    assert.deepEqual(answers, Array.from({ length: 200 }, (_, i) => `200 body ${i}`));
    assert.equal(await resumes(), before + 1);
  });

  it('a token is worth nothing after its MicroVM is terminated', async () => {
    await vm.terminate();
    const { statusCode, headers } = await request(url('/echo'), { dispatcher: agent, headers: auth() });
    assert.deepEqual([statusCode, headers['x-aws-proxy-error']], [502, 'MICROVM_CONNECT_FAILED']);
  });
});
