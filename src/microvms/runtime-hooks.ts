import { Fault } from '../errors/index.js';
import type { GuestAgent } from '../guest/contracts.js';
import type { ImageConfig } from '../store/contracts.js';
import type { MicrovmDeps } from './deps.js';
import { hookFailure } from './reasons.js';

export type RuntimeHook = 'run' | 'resume' | 'suspend' | 'terminate';

/** Seconds, when the image names none (spec §4.2). */
const DEFAULT_TIMEOUT_SECONDS = 1;

export function hookEnabled(config: ImageConfig, hook: RuntimeHook): boolean {
  return config.hooks?.microvmHooks?.[hook] === 'ENABLED';
}

/** Calls the hook if the image enables it. Gives the reason when it did not answer 200. */
export async function callRuntimeHook(
  deps: Pick<MicrovmDeps, 'callHook'>,
  agent: GuestAgent,
  config: ImageConfig,
  hook: RuntimeHook,
  signal: AbortSignal,
  body?: string,
): Promise<string | undefined> {
  if (!hookEnabled(config, hook)) return undefined;
  const port = config.hooks?.port;
  if (port === undefined) throw new Fault(`the image enables /${hook} without a hook port, which its creation must refuse`);
  const seconds = config.hooks?.microvmHooks?.[`${hook}TimeoutInSeconds`] ?? DEFAULT_TIMEOUT_SECONDS;
  const call = { hook, port, timeoutMs: seconds * 1000, signal, ...(body === undefined ? {} : { body }) };
  const outcome = await deps.callHook(agent, call);
  return outcome.kind === 'ok' ? undefined : hookFailure(hook, outcome, seconds);
}
