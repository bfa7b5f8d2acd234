/** Lifecycle hooks: HTTP calls to the application inside the guest (spec §3.6, §4.2). */
import type { GuestAgent } from '../guest/contracts.js';

export type HookName = 'ready' | 'validate' | 'run' | 'resume' | 'suspend' | 'terminate';

export interface HookCall {
  readonly hook: HookName;
  readonly port: number;
  readonly timeoutMs: number;
  /** JSON body; only /run has one. */
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export type HookOutcome =
  | { readonly kind: 'ok' }
  /** Answered with another status than 200 (and, for ready and validate, than 503). */
  | { readonly kind: 'status'; readonly status: number }
  /** Nothing answered 200 within the time; `last` says what the last try met. */
  | { readonly kind: 'timeout'; readonly last: string }
  /** What was reached answered no HTTP, or broke off; `met` says what was seen. Of hooks that are called once. */
  | { readonly kind: 'broken'; readonly met: string };

/**
 * ready and validate are retried on 503 and on refused connections until the timeout; the others are called once
 * (a refused connection is retried within the timeout).
 */
export type CallHook = (agent: Pick<GuestAgent, 'dial'>, call: HookCall) => Promise<HookOutcome>;
