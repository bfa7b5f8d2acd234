import { sleep } from '../../clock/index.js';
import { need, type BuildContext } from '../build-context.js';
import { callBuildHook, hookEnabled } from '../hook.js';
import type { Step } from '../step.js';

/** Until the application is worth a snapshot: /ready says so, or, without that hook, it has run for a moment. */
export const ready: Step = {
  name: 'ready',
  doing: 'waiting for the application',
  async run(ctx: BuildContext) {
    const machine = need(ctx.machine, 'the booted machine');
    if (hookEnabled(ctx.task.config.hooks, 'ready')) return callBuildHook(ctx, machine, 'ready');
    const { clock, limits } = ctx.deps;
    ctx.say(`The ready hook is not enabled: waiting ${limits.settleMs} ms.`);
    await machine.whileAlive(sleep(clock, limits.settleMs, ctx.signal));
  },
};
