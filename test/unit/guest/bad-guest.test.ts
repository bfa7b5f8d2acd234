/** What a hostile or broken machine may answer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createGuestAgent } from '../../../src/guest/agent.js';
import { AppConnectError, type ExecSpec, type GuestAgent, GuestAgentError, type LogLine } from '../../../src/guest/contracts.js';
import { encodeFrame, FrameReader } from '../../../src/guest/frames.js';
import { dialer } from './support/real-agent.js';

/** Runs `use` against a machine that answers each request line as `respond` does. */
async function against(respond: (socket: Socket) => void, use: (agent: GuestAgent) => Promise<void>, timeoutMs = 10_000): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()); // the host side may reset it
    socket.once('data', () => respond(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use(createGuestAgent(dialer((server.address() as { port: number }).port), { timeoutMs }));
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

const breaks = (message: RegExp) => (error: unknown) => error instanceof GuestAgentError && message.test(error.message);
const spec: ExecSpec = { args: ['x'], root: { kind: 'container' } };

function frame(type: number, payload: string, length = payload.length): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(type);
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, Buffer.from(payload)]);
}

/** Writes byte by byte. */
function dribble(socket: Socket, bytes: Buffer): void {
  if (bytes.length === 0) return;
  socket.write(bytes.subarray(0, 1), () => setImmediate(() => dribble(socket, bytes.subarray(1))));
}

describe('answers', { timeout: 30_000 }, () => {
  const cases: [what: string, respond: (socket: Socket) => void, message: RegExp][] = [
    ['an endless line', (s) => s.write(Buffer.alloc(70_000, 'x')), /answer to status exceeds 65536 bytes/],
    ['an oversized line that ends', (s) => s.write(`{"ok":true,"x":"${'x'.repeat(70_000)}"}\n`), /exceeds 65536 bytes/],
    ['garbage', (s) => s.write('\0\xff garbage\n'), /answer to status breaks the protocol/],
    ['JSON that is no object', (s) => s.write('[true]\n'), /breaks the protocol/],
    ['a refusal without a code', (s) => s.write('{"ok":false,"message":"no"}\n'), /breaks the protocol/],
    ['members of another type', (s) => s.write('{"ok":true,"running":"yes"}\n'), /running must be a boolean/],
    ['half a line and an end', (s) => s.end('{"ok":'), /closed the connection before it answered status/],
    ['nothing and an end', (s) => s.end(), /closed the connection before it answered status/],
    ['a reset', (s) => s.resetAndDestroy(), /connection to the guest agent broke during status/],
    ['a refusal', (s) => s.write('{"ok":false,"code":"internal","message":"no memory"}\n'), /^no memory$/],
  ];
  for (const [what, respond, message] of cases) {
    it(`rejects ${what}`, () => against(respond, (agent) => assert.rejects(agent.status(), breaks(message))));
  }

  it('rejects silence once the time is over', () =>
    against(() => undefined, (agent) => assert.rejects(agent.status(), breaks(/did not answer status within 30 ms/)), 30));

  it('aborts while the answer is awaited', () => {
    const controller = new AbortController();
    return against(() => controller.abort(new Error('left')), (agent) => assert.rejects(agent.dial(80, controller.signal), /left/));
  });

  it('tells a refused port from other failures', () =>
    against((s) => s.write('{"ok":false,"code":"refused","message":"nothing there"}\n'), (agent) =>
      assert.rejects(agent.dial(80), (error) => error instanceof AppConnectError)));

  it('hands over bytes that came with the answer', () =>
    against(
      (s) => {
        s.write('{"ok":true}\nearly');
        setImmediate(() => s.end(' late'));
      },
      async (agent) => {
        const stream = await agent.dial(80);
        const seen: string[] = [];
        stream.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
        await once(stream, 'end');
        assert.equal(seen.join(''), 'early late');
        stream.destroy();
      },
    ));

  it('puts an answer in many pieces together', () =>
    against(
      (s) => {
        const bytes = Buffer.from('{"ok":true,"running":true}\n');
        dribble(s, bytes);
      },
      async (agent) => assert.deepEqual(await agent.status(), { running: true }),
    ));
});

describe('frames', { timeout: 30_000 }, () => {
  const cases: [what: string, bytes: Buffer, message: RegExp][] = [
    ['a frame over the cap', frame(1, 'x', 1024 * 1024 + 1), /announces 1048577 bytes; the limit is 1048576/],
    ['an unknown type', frame(9, 'x'), /unknown type 9/],
    ['a frame of the other direction', frame(0, 'x'), /unknown type 0/],
    ['an exit code that is none', frame(3, 'zero'), /exit code "zero" is not 0 to 255/],
    ['an exit code out of range', frame(3, '256'), /exit code "256" is not 0 to 255/],
    ['a truncated frame', frame(1, 'x', 10), /ended the connection before x ended|closed the connection while x ran/],
    ['no exit frame', frame(1, 'x'), /ended the connection before x ended|closed the connection while x ran/],
  ];
  for (const [what, bytes, message] of cases) {
    it(`rejects ${what}`, () =>
      against((s) => s.end(Buffer.concat([Buffer.from('{"ok":true,"pid":1}\n'), bytes])), (agent) => assert.rejects(agent.exec(spec), breaks(message))));
  }

  it('takes frames cut anywhere', () =>
    against(
      (s) => {
        const bytes = Buffer.concat([Buffer.from('{"ok":true,"pid":1}\n'), frame(1, 'ab'), frame(1, ''), frame(2, 'c'), frame(3, '5')]);
        dribble(s, bytes);
      },
      async (agent) => {
        const seen: string[] = [];
        const { code } = await agent.exec({ ...spec, onStdout: (c) => seen.push(`out ${c.toString()}`), onStderr: (c) => seen.push(`err ${c.toString()}`) });
        assert.deepEqual([code, ...seen], [5, 'out ab', 'out ', 'err c']);
      },
    ));

  it('fails with what a callback throws', () =>
    against((s) => s.write(Buffer.concat([Buffer.from('{"ok":true,"pid":1}\n'), frame(1, 'x')])), (agent) =>
      assert.rejects(
        agent.exec({
          ...spec,
          onStdout: () => {
            throw new Error('disk full');
          },
        }),
        /disk full/,
      )));
});

describe('sessions', { timeout: 30_000 }, () => {
  type Seen = { readonly output: string[]; readonly end: string };
  /** What a session against such a machine delivers. */
  async function watch(agent: GuestAgent): Promise<Seen> {
    const session = await agent.session({ kind: 'shell' });
    const output: string[] = [];
    const end = await new Promise<string>((resolve) =>
      session.start({
        onOutput: (stream, chunk) => output.push(`${stream} ${chunk.toString()}`),
        onDrain: () => undefined,
        onExit: (code) => resolve(`exit ${code}`),
        onLost: (reason) => resolve(reason.message),
      }));
    session.write(Buffer.from('after the end'));
    session.close();
    return { output, end };
  }
  const ok = Buffer.from('{"ok":true,"pid":1}\n');
  const cases: [what: string, bytes: Buffer, end: RegExp][] = [
    ['a frame over the cap', frame(1, 'x', 1024 * 1024 + 1), /announces 1048577 bytes/],
    ['an unknown type', frame(5, 'INT'), /unknown type 5/],
    ['an exit code that is none', frame(3, '-1'), /exit code "-1" is not 0 to 255/],
    ['a truncated frame', frame(1, 'x', 10), /ended the connection before shell ended|closed the connection during shell/],
    ['an end without an exit', Buffer.alloc(0), /ended the connection before shell ended|closed the connection during shell/],
    ['more after the exit', Buffer.concat([frame(1, 'a'), frame(3, '0'), frame(3, '1')]), /after the exit frame/],
  ];
  for (const [what, bytes, end] of cases) {
    it(`are lost at ${what}`, () => against((s) => s.end(Buffer.concat([ok, bytes])), async (agent) => assert.match((await watch(agent)).end, end)));
  }

  it('deliver what came before the exit, once', () =>
    against((s) => dribble(s, Buffer.concat([ok, frame(1, 'a'), frame(2, 'b'), frame(3, '7')])), async (agent) =>
      assert.deepEqual(await watch(agent), { output: ['stdout a', 'stderr b'], end: 'exit 7' })));

  it('tell of a drop that came before they were started, and nothing after a close', () =>
    against((s) => s.write(Buffer.concat([ok, frame(3, '7')])), async (agent) => {
      const events = (seen: string[]) => ({ onOutput: () => undefined, onDrain: () => undefined, onExit: () => seen.push('exit'), onLost: (reason: Error) => seen.push(reason.message) });
      const dropped: string[] = [];
      const session = await agent.session({ kind: 'shell' });
      session.drop(new Error('suspended'));
      session.start(events(dropped));
      assert.deepEqual(dropped, ['suspended']);
      const closed: string[] = [];
      const other = await agent.session({ kind: 'shell' });
      other.start(events(closed));
      other.close();
      await other.ended;
      assert.deepEqual(closed, []);
    }));
});

describe('the frame reader', () => {
  it('gives for any bytes the same frames or the same refusal, however they are cut', () => {
    const piece = fc.oneof(
      fc.record({ type: fc.integer({ min: 0, max: 6 }), payload: fc.uint8Array({ maxLength: 40 }) }).map(({ type, payload }) => Buffer.from(encodeFrame(type, payload))),
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
    );
    const read = (bytes: Buffer, cuts: readonly number[]): unknown => {
      const reader = new FrameReader();
      const seen: unknown[] = [];
      try {
        let at = 0;
        for (const cut of [...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length]) {
          for (const each of reader.push(bytes.subarray(at, cut))) seen.push(each);
          at = cut;
        }
        return seen.map((each) => JSON.stringify(each));
      } catch (error) {
        assert.ok(error instanceof GuestAgentError);
        return error.message;
      }
    };
    fc.assert(fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 6 }), (pieces, cuts) => {
      const bytes = Buffer.concat(pieces);
      assert.deepEqual(read(bytes, cuts), read(bytes, []));
    }), { numRuns: 10_000 });
  });
});

describe('events', { timeout: 30_000 }, () => {
  const good = '{"seq":1,"time":5,"stream":"stdout","text":"a"}\n';
  const cases: [what: string, bytes: string][] = [
    ['garbage', 'garbage\n'],
    ['a line without an end', 'x'.repeat(600_000)],
    ['a sequence number that goes back', good],
    ['a stream that is none', '{"seq":2,"time":5,"stream":"stdin","text":"a"}\n'],
    ['a time that is none', '{"seq":2,"time":-1,"stream":"stdout","text":"a"}\n'],
    ['text that is none', '{"seq":2,"time":5,"stream":"stdout","text":{}}\n'],
    ['a negative exit code', '{"exit":-1}\n'],
  ];
  for (const [what, bytes] of cases) {
    it(`ends at ${what}`, () =>
      against((s) => s.write(`{"ok":true}\n${good}${bytes}`), async (agent) => {
        const lines: LogLine[] = [];
        const { ended } = await agent.follow(0, { onLog: (line) => lines.push(line), onExit: () => assert.fail('no exit') });
        await ended;
        assert.deepEqual(lines, [{ seq: 1, time: 5, stream: 'stdout', text: 'a' }]);
      }));
  }

  it('reports one exit, and nothing after it', () =>
    against((s) => s.end(`{"ok":true}\n{"exit":3}\n{"exit":4}\n${good}`), async (agent) => {
      const codes: number[] = [];
      const { ended } = await agent.follow(0, { onLog: () => assert.fail('a line after the exit'), onExit: (code) => codes.push(code) });
      await ended;
      assert.deepEqual(codes, [3]);
    }));
});
