/** The start of every connection to the agent: one request line, one answer line. */
import type { Duplex } from 'node:stream';
import { messageOf } from '../errors/index.js';
import { type Answer, parseAnswer } from './answer.js';
import { type DialAgent, GuestAgentError } from './contracts.js';

/** Cap of the answer line, in bytes. */
export const ANSWER_MAX = 64 * 1024;

export interface AgentRequest {
  readonly op: string;
  /** The other members, taken when the connection stands: what a clock says should be fresh. */
  readonly members?: () => object;
}

export interface Limits {
  /** From the first byte of the dial to the whole answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Opened {
  readonly answer: Answer;
  /** What follows the answer; the caller owns it. It keeps one error listener, so that a reset between hand-over and the owner's own listener is no crash. */
  readonly stream: Duplex;
}

/**
 * Dials, asks, and resolves with the answer and the connection. The connection is destroyed if anything fails.
 * Rejects AppConnectError (code `refused`), GuestAgentError, or the signal's reason.
 */
export async function open(dial: DialAgent, request: AgentRequest, limits: Limits): Promise<Opened> {
  const { op, members } = request;
  const controller = new AbortController();
  const abort = (): void => controller.abort(limits.signal?.reason);
  if (limits.signal?.aborted === true) abort();
  limits.signal?.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => controller.abort(new GuestAgentError(`the guest agent did not answer ${op} within ${limits.timeoutMs} ms`)), limits.timeoutMs);
  let stream: Duplex | undefined;
  try {
    controller.signal.throwIfAborted();
    stream = await connect(dial, op, controller.signal);
    stream.on('error', leaveToOwner);
    controller.signal.throwIfAborted();
    stream.write(`${JSON.stringify({ op, ...members?.() })}\n`);
    const line = await readLine(stream, op, controller.signal);
    return { answer: parseAnswer(op, line), stream };
  } catch (error) {
    stream?.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    limits.signal?.removeEventListener('abort', abort);
  }
}

/** {@link open} for operations that end with their answer. */
export async function ask(dial: DialAgent, request: AgentRequest, limits: Limits): Promise<Answer> {
  const { answer, stream } = await open(dial, request, limits);
  stream.destroy();
  return answer;
}

function leaveToOwner(): void {
  // A destroyed stream tells its owner by 'close', and by 'error' if the owner listens.
}

async function connect(dial: DialAgent, op: string, signal: AbortSignal): Promise<Duplex> {
  try {
    return await dial(signal);
  } catch (error) {
    signal.throwIfAborted(); // the abort's own reason says more than what the dial made of it
    throw new GuestAgentError(`cannot reach the guest agent for ${op}: ${messageOf(error)}`, { cause: error });
  }
}

/** Reads up to the first newline and puts back what came after it. */
function readLine(stream: Duplex, op: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (): void => {
      stream.off('readable', onReadable).off('error', onError).off('end', onEnd).off('close', onEnd);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown): void => {
      settle();
      reject(error instanceof Error ? error : new GuestAgentError(String(error)));
    };
    const onReadable = (): void => {
      for (let chunk = read(stream); chunk !== null; chunk = read(stream)) {
        const end = chunk.indexOf(0x0a);
        size += end < 0 ? chunk.length : end;
        if (size > ANSWER_MAX) return fail(new GuestAgentError(`the guest agent's answer to ${op} exceeds ${ANSWER_MAX} bytes`));
        chunks.push(end < 0 ? chunk : chunk.subarray(0, end));
        if (end < 0) continue;
        settle();
        if (end + 1 < chunk.length) stream.unshift(chunk.subarray(end + 1));
        return resolve(Buffer.concat(chunks).toString('utf8'));
      }
    };
    const onError = (error: Error): void => fail(new GuestAgentError(`the connection to the guest agent broke during ${op}: ${error.message}`, { cause: error }));
    const onEnd = (): void => fail(new GuestAgentError(`the guest agent closed the connection before it answered ${op}`));
    const onAbort = (): void => fail(signal.reason);
    stream.on('readable', onReadable).on('error', onError).on('end', onEnd).on('close', onEnd);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function read(stream: Duplex): Buffer | null {
  return stream.read() as Buffer | null;
}
