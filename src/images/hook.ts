/** The build's hooks, /ready and /validate (spec §3.6), with their tries in the build log. */
import type { GuestAgent } from '../guest/contracts.js';
import type { HookOutcome } from '../hooks/contracts.js';
import type { Hooks } from '../store/contracts.js';
import { need, type BuildContext } from './build-context.js';
import { BuildFailure } from './failure.js';
import { isoDuration } from './iso-duration.js';
import type { Machine } from './machine.js';

export type BuildHook = 'ready' | 'validate';

const DEFAULT_TIMEOUT_SECONDS = 30;

export function hookEnabled(hooks: Hooks | undefined, hook: BuildHook): boolean {
  return hooks?.microvmImageHooks?.[hook] === 'ENABLED';
}

/** Resolves when the application answered 200. Throws BuildFailure with the service's text, which has no code. */
export async function callBuildHook(ctx: BuildContext, machine: Machine, hook: BuildHook): Promise<void> {
  const hooks = need(ctx.task.config.hooks, 'hooks');
  const port = need(hooks.port, 'a hook port');
  const seconds = hooks.microvmImageHooks?.[`${hook}TimeoutInSeconds`] ?? DEFAULT_TIMEOUT_SECONDS;
  ctx.say(`Calling POST /${hook} on port ${port}, for at most ${seconds} seconds.`);
  const tries = countTries(ctx, machine.agent, hook);
  const over = new AbortController();
  try {
    const call = ctx.deps.callHook(tries.agent, { hook, port, timeoutMs: seconds * 1000, signal: over.signal });
    const outcome = await machine.whileAlive(call);
    ctx.say(`/${hook}: ${describe(outcome)} after ${tries.count()} ${tries.count() === 1 ? 'try' : 'tries'}.`);
    const failure = failureOf(outcome, hook, seconds);
    if (failure !== undefined) throw failure;
  } finally {
    over.abort();
  }
}

function describe(outcome: HookOutcome): string {
  switch (outcome.kind) {
    case 'ok':
      return 'HTTP 200';
    case 'status':
      return `HTTP ${outcome.status}`;
    case 'timeout':
      return `no HTTP 200 in time, the last try met: ${outcome.last},`;
    case 'broken':
      return `no HTTP answer (${outcome.met})`;
  }
}

function failureOf(outcome: HookOutcome, hook: BuildHook, seconds: number): BuildFailure | undefined {
  const name = hook === 'ready' ? 'Ready' : 'Validate';
  switch (outcome.kind) {
    case 'ok':
      return undefined;
    // Its tries go on until the time is over.
    case 'broken':
    case 'timeout':
      return new BuildFailure(undefined, `${name} hook invocation timed out after ${isoDuration(seconds)}`);
    case 'status':
      return new BuildFailure(undefined, `${name} hook check failed: the application returned ${statusClass(outcome.status)} response`);
  }
}

/** The client error is recorded; the others are worded after it. Unknown: hook-failure-code */
function statusClass(status: number): string {
  if (status >= 400 && status < 500) return 'a client error (HTTP 4xx)';
  if (status >= 500) return 'a server error (HTTP 5xx)';
  return `an unexpected (HTTP ${status})`;
}

/** Each try dials once. A line for the first, then one now and then: an hour of tries must not flood the log. */
function countTries(ctx: BuildContext, agent: GuestAgent, hook: BuildHook): { agent: Pick<GuestAgent, 'dial'>; count(): number } {
  let count = 0;
  let reported = -Infinity;
  return {
    count: () => count,
    agent: {
      dial(port, signal) {
        count++;
        const now = ctx.deps.clock.now();
        if (now - reported >= ctx.deps.limits.hookReportMs) {
          reported = now;
          ctx.say(`/${hook}: try ${count}.`);
        }
        return agent.dial(port, signal);
      },
    },
  };
}
