/** The client's side of a session: what is typed, what a server may send, what a person asks for. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import test, { type TestContext } from 'node:test';
import fc from 'fast-check';
import { WebSocket, WebSocketServer } from 'ws';
import { parseCopy } from '../../../src/cli/commands/cp.js';
import { commandOf } from '../../../src/cli/commands/exec.js';
import { keyValues } from '../../../src/cli/commands/image-options.js';
import { printable } from '../../../src/cli/output/printable.js';
import { exitCodeOf, SessionError } from '../../../src/cli/session/error.js';
import { EscapeFilter } from '../../../src/cli/session/escape.js';
import { ClientSession } from '../../../src/cli/session/session.js';

const typed = (...parts: readonly string[]): { bytes: string; leave: boolean } => {
  const filter = new EscapeFilter();
  let bytes = '';
  for (const part of parts) {
    const result = filter.push(Buffer.from(part, 'latin1'));
    bytes += result.bytes.toString('latin1');
    if (result.leave) return { bytes, leave: true };
  }
  return { bytes, leave: false };
};

test('~. at the start of a line leaves, anywhere else it is typed', () => {
  assert.deepEqual(typed('~.more'), { bytes: '', leave: true });
  assert.deepEqual(typed('ls\r~', '.'), { bytes: 'ls\r', leave: true });
  assert.deepEqual(typed('a~.\n~~.~.'), { bytes: 'a~.\n~.~.', leave: false });
  assert.deepEqual(typed('~', 'x~.'), { bytes: '~x~.', leave: false });
  assert.deepEqual(typed('\x03\x1b[A\xff'), { bytes: '\x03\x1b[A\xff', leave: false });
});

test('what is typed is the same however it is cut, and whole when no line begins with ~', () => {
  const text = fc.array(fc.constantFrom('~', '.', '\r', '\n', 'a', '\x03'), { maxLength: 12 });
  fc.assert(fc.property(text, (keys) => assert.deepEqual(typed(...keys), typed(keys.join('')))), { numRuns: 10_000 });
  fc.assert(fc.property(fc.string({ unit: 'binary' }).filter((keys) => !/(^|[\r\n])~/.test(keys)), (keys) => {
    const bytes = Buffer.from(keys);
    assert.deepEqual(new EscapeFilter().push(bytes), { bytes, leave: false });
  }));
});

test('a -- before the command is punctuation, later ones are the command\'s', () => {
  assert.deepEqual(commandOf(['--', 'ls', '-l']), ['ls', '-l']);
  assert.deepEqual(commandOf(['top', '-d', '1']), ['top', '-d', '1']);
  assert.deepEqual(commandOf(['--', 'sh', '--', '-t']), ['sh', '--', '-t']);
  for (const wrong of [[], ['--']]) assert.throws(() => commandOf(wrong), /exec needs a command/);
  assert.deepEqual(keyValues(['A=b=c', 'B='], '--env'), { A: 'b=c', B: '' });
  assert.throws(() => keyValues(['=x'], '--env'), /--env =x: must be NAME=value/);
});

test('cp tells the side of the MicroVM by the colon', () => {
  assert.deepEqual(parseCopy('microvm-1:/var/log', '.'), { direction: 'out', id: 'microvm-1', remote: '/var/log', local: '.' });
  assert.deepEqual(parseCopy('./a:b', 'microvm-1:srv/x/'), { direction: 'in', id: 'microvm-1', remote: '/srv/x/', local: './a:b' });
  for (const [path, remote] of [['', '/'], ['/', '/'], ['/.', '/'], ['a/../../b', '/b'], ['/a/.', '/a/.'], ['/a//b', '/a/b']] as const) {
    assert.equal(parseCopy(`m:${path}`, '.').remote, remote, path);
  }
  for (const [from, to] of [['a', 'b'], ['m:a', 'm:b'], ['', 'm:a'], ['m:a', '']] as const) assert.throws(() => parseCopy(from, to), /cp needs two paths/, `${from} ${to}`);
});

test('text from elsewhere moves no cursor', () => {
  assert.equal(printable('\x1b]0;title\x07a\r\nb\u009b2J\x7f\0λ'), '?]0;title?a?\nb?2J??λ');
});

/** A client session against a server that does as told once it was told what to start. */
async function against(t: TestContext, serve: (ws: WebSocket) => void): Promise<{ started: Promise<ClientSession>; stdout: PassThrough; stderr: PassThrough }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  server.on('connection', (ws) => {
    t.after(() => ws.terminate());
    ws.once('message', (data: Buffer) => {
      assert.deepEqual(JSON.parse(data.toString()), { type: 'start', run: 'shell' });
      serve(ws);
    });
  });
  await once(server, 'listening');
  const ws = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  ws.on('error', () => undefined);
  t.after(() => ws.terminate());
  await once(ws, 'open');
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  return { started: ClientSession.start(ws, { run: 'shell' }, { stdout, stderr }), stdout, stderr };
}

const INIT = '{"type":"session_init","session_id":"x"}';

test('a session delivers output apart and the status', async (t) => {
  const { started, stdout, stderr } = await against(t, (ws) => {
    ws.send(INIT);
    ws.send(Buffer.from('\x01out'));
    ws.send(Buffer.from('\x02err'));
    ws.send('{"type":"exit","code":42}');
    ws.close(1000);
  });
  assert.equal(await (await started).exited, 42);
  assert.deepEqual([String(stdout.read()), String(stderr.read())], ['out', 'err']);
});

test('input and its end go to the program', async (t) => {
  const seen: string[] = [];
  const { started } = await against(t, (ws) => {
    ws.send(INIT);
    ws.on('message', (data: Buffer) => {
      seen.push(data.toString());
      if (seen.at(-1) === '{"type":"eof"}') ws.send('{"type":"exit","code":0}');
    });
  });
  const session = await started;
  session.resize({ cols: 1, rows: 2 });
  session.stdin.write('typed');
  session.signal('INT');
  session.stdin.end();
  assert.equal(await session.exited, 0);
  assert.deepEqual(seen, ['{"type":"resize","cols":1,"rows":2}', 'typed', '{"type":"signal","name":"INT"}', '{"type":"eof"}']);
});

test('whatever a server sends, a session ends with a status or an error that names the cause', async (t) => {
  const cases: [serve: (ws: WebSocket) => void, code: string, exit: number][] = [
    [(ws) => ws.send('{"type":"error","code":"start_failed","message":"no sh"}'), 'start_failed', 127],
    [(ws) => ws.send('nonsense'), 'lost', 255],
    [(ws) => ws.send('{"type":"exit","code":256}'), 'lost', 255],
    [(ws) => ws.send('{"type":"exit","code":"0"}'), 'lost', 255],
    [(ws) => ws.close(1000, 'shell exited'), 'lost', 255],
    [(ws) => ws.terminate(), 'lost', 255],
  ];
  for (const [serve, code, exit] of cases) {
    for (const early of [true, false]) {
      const { started } = await against(t, (ws) => {
        if (!early) ws.send(INIT);
        serve(ws);
      });
      const failed = await started.then((session) => session.exited).catch((error: unknown) => error);
      assert.ok(failed instanceof SessionError, String(failed));
      assert.deepEqual([failed.code, exitCodeOf(failed)], [code, exit]);
    }
  }
});

test('leaving rejects with the reason', async (t) => {
  const { started } = await against(t, (ws) => ws.send(INIT));
  const session = await started;
  session.close();
  await assert.rejects(session.exited, { code: 'left' });
});

test('a slow reader of the output holds the server back', async (t) => {
  let backlog = 0;
  const { started, stdout } = await against(t, (ws) => {
    ws.send(INIT);
    const pour = (): void => {
      ws.send(Buffer.alloc(256 * 1024, 1));
      backlog = ws.bufferedAmount;
      if (backlog < 4 * 1024 * 1024) setImmediate(pour);
      else ws.send('{"type":"exit","code":0}');
    };
    pour();
  });
  const session = await started;
  while (backlog < 4 * 1024 * 1024) await new Promise(setImmediate);
  stdout.resume();
  assert.equal(await session.exited, 0);
});
