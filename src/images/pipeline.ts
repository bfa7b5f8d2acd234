/**
 * A build, as data: fetch → build → boot → ready → snapshot → validate → tidy. Whoever runs it records the result.
 */
import type { BuildContext } from './build-context.js';
import type { BuildStepEvent } from '../events/contracts.js';
import { BuildFailure, isStopping, toBuildFailure } from './failure.js';
import type { Step } from './step.js';
import { boot } from './steps/boot.js';
import { build } from './steps/build.js';
import { fetch } from './steps/fetch.js';
import { ready } from './steps/ready.js';
import { snapshot } from './steps/snapshot.js';
import { tidy } from './steps/tidy.js';
import { validate } from './steps/validate.js';

export const STEPS: readonly Step[] = [fetch, build, boot, ready, snapshot, validate, tidy];

/** Writes down how far a build is. A step that fails is ended with its build. */
export interface StepRecords {
  began(step: string): void;
  succeeded(): void;
}

/** Throws BuildFailure only. VMs are released by then; the version's folder is the caller's. */
export async function runSteps(ctx: BuildContext, records: StepRecords): Promise<void> {
  try {
    for (const step of STEPS) {
      if (step.applies?.(ctx.task) === false) continue;
      ctx.step = step.name;
      await ctx.deps.observe?.(`build-${step.name}`, ctx.task.buildId);
      ctx.signal.throwIfAborted();
      const report = stepReport(ctx);
      try {
        records.began(step.name);
        report('STARTED');
        await step.run(ctx);
        records.succeeded();
        report('SUCCEEDED');
      } catch (error) {
        // Begun anew by the next daemon, it has not failed.
        if (!isStopping(ctx.signal.reason)) report('FAILED');
        // An aborted step throws all sorts of things; the reason of the abort is the cause.
        throw ctx.signal.aborted && !(error instanceof BuildFailure) ? ctx.signal.reason : toBuildFailure(error, step.doing);
      }
    }
  } finally {
    await ctx.releaseAll();
  }
}

function stepReport({ task, step, deps }: BuildContext): (status: BuildStepEvent['status']) => void {
  const { accountId, imageArn, version: imageVersion, buildId } = task;
  const began = deps.clock.steady();
  return (status) => deps.stepChanged?.({ accountId, imageArn, imageVersion, buildId, step, status, durationMs: status === 'STARTED' ? null : deps.clock.steady() - began });
}
