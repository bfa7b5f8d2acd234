import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { logAppLine } from '../app-log.js';
import type { BuildContext } from '../build-context.js';
import { callBuildHook, hookEnabled } from '../hook.js';
import { openMachine } from '../machine.js';
import type { Step } from '../step.js';

/** /validate in a throw-away clone. Nothing it does reaches the snapshot. */
export const validate: Step = {
  name: 'validate',
  doing: 'validating the snapshot',
  applies: ({ config }) => hookEnabled(config.hooks, 'validate'),
  async run(ctx: BuildContext) {
    const { task, deps, folders } = ctx;
    const dir = join(folders.work, 'validate');
    await mkdir(dir);
    ctx.say('Launching a clone from the snapshot.');
    const machine = await openMachine(ctx, (link) => deps.engine.launch({ id: `validate-${task.buildId}`, template: folders.template, link, dir }));
    await machine.follow(ctx.lastSeq, logAppLine(ctx));
    await callBuildHook(ctx, machine, 'validate');
    await machine.release();
  },
};
