/** Follows a build to its end: its steps as the server tells them, its log as it is written. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api, Build, BuildStep, ImageVersion } from '../client/api.js';
import { LogReader } from '../client/logs.js';
import { printable } from '../output/printable.js';
import type { Status } from '../output/status.js';

export interface Watched {
  readonly version: ImageVersion & { readonly imageArn: string };
  readonly build: Build | undefined;
  /** undefined: the server does not tell. */
  readonly steps: readonly BuildStep[] | undefined;
  readonly ms: number;
}

const POLL_MS = 500;
const UNDER_WAY = new Set(['PENDING', 'IN_PROGRESS']);
/** Lines are flushed to the log a moment after the state is set. */
const LAST_LINES_MS = 300;

/** undefined: `signal` came first. */
export async function watchBuild(api: Api, { imageArn, imageVersion, name }: { readonly imageArn: string; readonly imageVersion: string; readonly name: string }, status: Status, { quiet, signal }: { readonly quiet: boolean; readonly signal: AbortSignal }): Promise<Watched | undefined> {
  const started = performance.now();
  const [begun] = await api.builds(imageArn, imageVersion);
  const logs = new LogReader(api.access, { group: `/aws/lambda-microvms/${name}`, since: Math.floor((begun?.createdAt ?? Date.now() / 1000) * 1000) });
  const printLog = async (): Promise<void> => {
    if (quiet) return;
    for (const { logStreamName, message } of (await logs.next()) ?? []) {
      if (begun !== undefined && !logStreamName.includes(begun.buildId)) continue;
      status.line(`  ${printable(message.replaceAll('\t', '  '))}`);
    }
  };
  const steps = new StepTeller(status);
  while (!signal.aborted) {
    // The state first: what is in the log by then is all of it.
    const version = await api.version(imageArn, imageVersion);
    const over = !UNDER_WAY.has(version.state);
    if (over) await sleep(LAST_LINES_MS);
    await printLog();
    const told = begun === undefined ? undefined : await api.steps(imageArn, imageVersion, begun.buildId);
    steps.tell(told, over);
    if (over) {
      const ms = performance.now() - started;
      return { version: { ...version, imageArn }, build: begun && (await api.build(imageArn, imageVersion, begun.buildId)), steps: told, ms };
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined); // the loop's condition ends it
  }
  return undefined;
}

/** A line for each step that has ended, the one under way beside the clock. */
class StepTeller {
  readonly #ended = new Set<string>();
  #doing: string | undefined;

  constructor(private readonly status: Status) {}

  tell(steps: readonly BuildStep[] | undefined, over: boolean): void {
    for (const { name, status, startedAt, endedAt } of steps ?? []) {
      if (endedAt === null || this.#ended.has(name)) continue;
      this.#ended.add(name);
      this.status.end(status === 'FAILED' ? '✗' : '✓', name, (endedAt - startedAt) * 1000);
    }
    const doing = over ? undefined : (steps?.find(({ endedAt }) => endedAt === null)?.name ?? 'build');
    if (doing !== undefined && doing !== this.#doing) this.status.begin(doing);
    this.#doing = doing;
  }
}
