/**
 * Calls lifecycle hooks: `POST http://127.0.0.1:<port>/aws/lambda-microvms/runtime/v1/<hook>` inside the guest,
 * HTTP/1.1, `Host: localhost:<port>`, no user-agent, success exactly 200 (spec §3.6, §4.2).
 */
import { randomUUID } from 'node:crypto';
import { sleep, systemClock, type Clock } from '../clock/index.js';
import { messageOf } from '../errors/index.js';
import { AppConnectError, type GuestAgent } from '../guest/contracts.js';
import type { CallHook, HookCall, HookName, HookOutcome } from './contracts.js';
import { postOnce } from './post.js';

const PATH = '/aws/lambda-microvms/runtime/v1/';
/** AWS does not publish its cadence (spec §13.9). Unknown: hook-cadence. Milliseconds; each wait is 1.5 times the one before. */
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 500;
const NOT_READY = 503;

const pollsUntilReady: Readonly<Record<HookName, boolean>> = {
  ready: true, validate: true, run: false, resume: false, suspend: false, terminate: false,
};

/** What one try met: an end, or something another try may change. */
type Attempt = { readonly done: HookOutcome } | { readonly again: string };

/** `requestId` names each call of an image hook to the application, as `x-amzn-requestid`. */
export function createCallHook(clock: Clock = systemClock, requestId: () => string = randomUUID): CallHook {
  return async (agent, call) => {
    call.signal?.throwIfAborted();
    const deadline = new AbortController();
    const cancel = clock.after(call.timeoutMs, () => deadline.abort(new Error('no answer within the time')));
    const signal = AbortSignal.any(call.signal === undefined ? [deadline.signal] : [deadline.signal, call.signal]);
    let last = 'no answer within the time';
    try {
      for (let wait = FIRST_RETRY_MS; ; wait = Math.min(wait * 1.5, LAST_RETRY_MS)) {
        const attempt = await attemptOnce(agent, call, headersOf(call, requestId), signal);
        if ('done' in attempt) return attempt.done;
        last = attempt.again;
        await sleep(clock, wait, signal);
      }
    } catch (error) {
      if (!deadline.signal.aborted || call.signal?.aborted) throw error;
      return { kind: 'timeout', last };
    } finally {
      cancel();
    }
  };
}

async function attemptOnce(
  agent: Pick<GuestAgent, 'dial'>,
  call: HookCall,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Attempt> {
  const polls = pollsUntilReady[call.hook];
  try {
    const stream = await agent.dial(call.port, signal);
    const status = await postOnce(stream, { path: PATH + call.hook, headers, body: call.body ?? '' }, signal);
    if (status === 200) return { done: { kind: 'ok' } };
    return polls && status === NOT_READY ? { again: `HTTP status ${status}` } : { done: { kind: 'status', status } };
  } catch (error) {
    signal.throwIfAborted();
    const met = messageOf(error);
    // Called once means: a hook that was reached is not called again, whatever became of its answer.
    return polls || error instanceof AppConnectError ? { again: met } : { done: { kind: 'broken', met } };
  }
}

function headersOf(call: HookCall, requestId: () => string): Record<string, string> {
  return {
    // Of /ready and /validate too; AWS was seen to send the build VM's endpoint there. Unknown: hook-host
    Host: `localhost:${call.port}`,
    ...(call.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    'Content-Length': String(Buffer.byteLength(call.body ?? '')),
    ...(pollsUntilReady[call.hook] ? { 'x-amzn-requestid': requestId() } : {}),
  };
}
