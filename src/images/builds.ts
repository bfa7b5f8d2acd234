/** Builds in the background: queue, time limit, abort, and the recorded end of each. */
import type { AppLog } from '../logs/contracts.js';
import type { Vault } from '../vault/contracts.js';
import { BuildContext, need, type BuildDeps } from './build-context.js';
import { openBuildLog, type BuildLog } from './build-log.js';
import { BuildFailure, MAX_ATTEMPTS, restarted, stopping, toBuildFailure } from './failure.js';
import { createFolders, removeFolders, versionFolders } from './folders.js';
import { isoDuration } from './iso-duration.js';
import { runSteps } from './pipeline.js';
import { BuildQueue } from './queue.js';
import type { BuildRecords } from './records.js';
import type { BuildTask } from './task.js';

export interface BuildsDeps extends BuildDeps {
  readonly records: BuildRecords;
  readonly log: AppLog;
  readonly dataDir: string;
  /** Default: what is built is not encrypted. */
  readonly vault?: Vault;
  /** Builds at once. */
  readonly concurrency: number;
}

export class Builds {
  private readonly queue: BuildQueue;
  private readonly closing = new AbortController();
  private readonly active = new Set<Promise<void>>();

  constructor(private readonly deps: BuildsDeps) {
    this.queue = new BuildQueue(deps.concurrency);
  }

  /** Returns at once. The build ends in records, SUCCESSFUL or FAILED with its reason, unless the daemon stops first. */
  start(task: BuildTask): void {
    const work = this.run(task)
      .catch((error: unknown) => this.deps.logger.error({ err: error, build: task.buildId, image: task.imageArn }, 'the end of a build could not be recorded'))
      .finally(() => this.active.delete(work));
    this.active.add(work);
  }

  /** Aborts what runs and waits; resolves when every build has released what it held. The next daemon begins them anew. */
  async close(): Promise<void> {
    this.closing.abort(stopping());
    await Promise.all(this.active);
  }

  /** Begins anew what an earlier daemon left half-done, unless that has been tried too often. */
  async takeUp(task: BuildTask, attempts: number): Promise<void> {
    if (attempts < MAX_ATTEMPTS) this.start(task);
    else await this.fail(task, openBuildLog(this.deps.log, this.deps.clock, task), restarted());
  }

  private async run(task: BuildTask): Promise<void> {
    const log = openBuildLog(this.deps.log, this.deps.clock, task);
    log.line('queue', `Building ${task.imageArn} version ${task.version}, build ${task.buildId}.`);
    try {
      await this.queue.run(this.closing.signal, () => this.build(task, log));
    } catch (error) {
      await this.fail(task, log, toBuildFailure(error, 'waiting for other builds'));
    } finally {
      await log.close();
    }
  }

  private async build(task: BuildTask, log: BuildLog): Promise<void> {
    const { deps } = this;
    const folders = versionFolders(deps.dataDir, task.accountId, task.imageName, task.version);
    const timeout = new AbortController();
    const ctx = new BuildContext(task, deps, folders, log, AbortSignal.any([this.closing.signal, timeout.signal]));
    const cancelTimeout = deps.clock.after(deps.limits.totalMs, () => timeout.abort(tooLong(ctx)));
    try {
      deps.records.started(task);
      await createFolders(folders, (root) => deps.vault?.protect(task.accountId, root) ?? Promise.resolve());
      await runSteps(ctx, deps.records.stepsOf(task.buildId));
      const { memoryBytes, diskBytes } = need(ctx.template, 'a template');
      await deps.observe?.('build-done', task.buildId);
      deps.records.succeeded(task, { ...ctx.sizes(), memorySnapshotSizeInBytes: memoryBytes, diskSnapshotSizeInBytes: diskBytes });
      log.line('record', 'The build succeeded. The version is active.');
    } catch (error) {
      await this.fail(task, log, toBuildFailure(error, 'preparing the build'), ctx);
    } finally {
      cancelTimeout();
    }
  }

  private async fail(task: BuildTask, log: BuildLog, failure: BuildFailure, ctx?: BuildContext): Promise<void> {
    const { deps } = this;
    if (this.closing.signal.aborted) {
      log.line(ctx?.step ?? 'queue', 'The service stops. The build begins anew at its next start.');
      return log.close();
    }
    log.line(ctx?.step ?? 'queue', `The build failed. ${failure.stateReason}`);
    const level = failure.code === 'INTERNAL_PLATFORM_ERROR' ? 'error' : 'info';
    deps.logger[level]({ err: failure, build: task.buildId, image: task.imageArn, step: ctx?.step }, 'a build failed');
    try {
      await removeFolders(versionFolders(deps.dataDir, task.accountId, task.imageName, task.version));
    } catch (error) {
      deps.logger.error({ err: error, build: task.buildId }, 'the files of a failed build could not be removed');
    }
    deps.records.failed(task, failure, ctx?.sizes());
    await log.close();
  }
}

/** A Dockerfile that never ends is its author's; anything else that takes so long is ours. */
function tooLong({ step, deps }: BuildContext): BuildFailure {
  return new BuildFailure(
    step === 'build' ? 'CONTAINER_BUILD_FAILED' : 'INTERNAL_PLATFORM_ERROR',
    `The build took longer than ${isoDuration(deps.limits.totalMs / 1000)}, the most allowed; it was at the step ${step}.`,
  );
}
