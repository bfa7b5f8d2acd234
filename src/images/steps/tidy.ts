import { rm } from 'node:fs/promises';
import type { BuildContext } from '../build-context.js';
import type { Step } from '../step.js';

/** Removes what only the build needed, so that a version recorded as successful holds its disk and template alone. */
export const tidy: Step = {
  name: 'tidy',
  doing: 'removing temporary files',
  async run(ctx: BuildContext) {
    await rm(ctx.folders.work, { recursive: true, force: true });
  },
};
