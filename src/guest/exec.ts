import { Socket } from 'node:net';
import { type Duplex, Writable } from 'node:stream';
import { type DialAgent, type ExecResult, type ExecSpec, GuestAgentError } from './contracts.js';
import { encodeFrame, FRAME, FRAME_MAX, FrameReader } from './frames.js';
import { open } from './handshake.js';

const END_OF_STDIN = encodeFrame(FRAME.stdin, Buffer.alloc(0));

/** Runs a process in the guest to its end. Aborting resets the connection, at which the agent kills the process. */
export async function exec(dial: DialAgent, spec: ExecSpec, timeoutMs: number): Promise<ExecResult> {
  const request = {
    args: spec.args,
    env: spec.env,
    cwd: spec.cwd,
    user: spec.user,
    device: spec.root.kind === 'device' ? spec.root.device : undefined,
  };
  const source = watch(spec.stdin);
  let stream: Duplex | undefined;
  let sink: Writable | undefined;
  try {
    ({ stream } = await open(dial, { op: 'exec', members: () => request }, { timeoutMs, signal: spec.signal }));
    if (spec.stdin === undefined) stream.write(END_OF_STDIN);
    else sink = spec.stdin.pipe(stdinSink(stream));
    return { code: await receive(stream, spec, source.failed) };
  } finally {
    source.release();
    if (sink !== undefined) spec.stdin?.unpipe(sink);
    sink?.destroy();
    if (stream !== undefined) abandon(stream);
  }
}

/** Resets, if it can: an orderly end would queue behind stdin that the process does not take, and never arrive. */
function abandon(stream: Duplex): void {
  if (stream instanceof Socket) stream.resetAndDestroy();
  else stream.destroy();
}

/** Passes frames on until the exit frame. */
function receive(stream: Duplex, spec: ExecSpec, stdinFailed: Promise<never>): Promise<number> {
  const what = spec.args[0] ?? '';
  return new Promise<number>((resolve, reject) => {
    const reader = new FrameReader();
    const fail = (error: unknown): void => {
      spec.signal?.removeEventListener('abort', onAbort);
      reject(error instanceof Error ? error : new GuestAgentError(String(error)));
    };
    const onAbort = (): void => fail(spec.signal?.reason);
    const onData = (chunk: Buffer): void => {
      try {
        for (const frame of reader.push(chunk)) {
          if (frame.type === 'exit') {
            spec.signal?.removeEventListener('abort', onAbort);
            resolve(frame.code);
          } else {
            (frame.type === 'stdout' ? spec.onStdout : spec.onStderr)?.(frame.payload);
          }
        }
      } catch (error) {
        fail(error);
      }
    };
    stdinFailed.catch(fail);
    if (spec.signal?.aborted === true) return onAbort();
    spec.signal?.addEventListener('abort', onAbort, { once: true });
    stream
      .on('data', onData)
      .once('error', (error) => fail(new GuestAgentError(`the connection to the guest agent broke while ${what} ran: ${error.message}`, { cause: error })))
      .once('close', () => fail(new GuestAgentError(`the guest agent closed the connection while ${what} ran`)))
      .once('end', () => fail(new GuestAgentError(`the guest agent ended the connection before ${what} ended`)));
  });
}

/** Listens to the source's errors from the start, so that one during the handshake counts too. */
function watch(source: NodeJS.ReadableStream | undefined): { failed: Promise<never>; release(): void } {
  let onError: ((error: Error) => void) | undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    onError = reject;
    source?.on('error', reject);
  });
  failed.catch(() => undefined); // whoever receives, if anyone comes to receive, takes it from `failed`
  return { failed, release: () => (onError === undefined ? undefined : source?.off('error', onError)) };
}

/** Frames what is written onto the stream, with back-pressure. */
function stdinSink(stream: Duplex): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (let at = 0; at < chunk.length; at += FRAME_MAX) stream.write(encodeFrame(FRAME.stdin, chunk.subarray(at, at + FRAME_MAX)));
      afterDrain(stream, done);
    },
    final(done) {
      stream.write(END_OF_STDIN);
      done();
    },
  });
}

/** A stream that closes never drains: its owner then destroys the waiting sink. */
function afterDrain(stream: Duplex, done: () => void): void {
  if (stream.writableNeedDrain) stream.once('drain', done);
  else done();
}
