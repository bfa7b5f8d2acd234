/** A VM of a build with its link and its event stream: one owner that releases all three. */
import { sleep } from '../clock/index.js';
import type { Vm } from '../engine/contracts.js';
import type { GuestAgent, LogLine } from '../guest/contracts.js';
import type { Link } from '../network/contracts.js';
import type { BuildContext } from './build-context.js';
import { BuildFailure } from './failure.js';
import { linkOptionsOf } from './egress.js';

export class Machine {
  /** Resolves with the reason once nothing more can come of this VM. */
  private readonly lost: Promise<BuildFailure>;
  private lose: (why: BuildFailure) => void = () => undefined;
  private following: { close(): void } | undefined;
  private expectedEnd = false;
  private released: Promise<void> | undefined;

  constructor(
    readonly vm: Vm,
    readonly link: Link,
    readonly agent: GuestAgent,
    private readonly signal: AbortSignal,
  ) {
    this.lost = new Promise((resolve) => (this.lose = resolve));
    signal.addEventListener('abort', this.onAbort, { once: true });
    if (signal.aborted) this.onAbort();
    void vm.exited.then(({ code, signal: by, detail }) => {
      this.lose(new BuildFailure('INTERNAL_PLATFORM_ERROR', `The virtual machine ended unexpectedly (${by ?? `exit code ${String(code)}`}): ${detail}`));
    });
  }

  private readonly onAbort = (): void => this.lose(this.signal.reason as BuildFailure);

  /** The work's result; rejects at once when the build is aborted, the VM ends or (once followed) the application exits. */
  async whileAlive<T>(work: Promise<T>): Promise<T> {
    return Promise.race([
      work,
      this.lost.then((why) => {
        throw why;
      }),
    ]);
  }

  /** Watches the application: its lines go to `onLine`, its exit fails whatever {@link whileAlive} guards. */
  async follow(afterSeq: number, onLine: (line: LogLine) => void): Promise<void> {
    const following = await this.whileAlive(this.agent.follow(afterSeq, { onLog: onLine, onExit: (code) => this.lose(stopped(code)) }));
    this.following = following;
    void following.ended.then(() => {
      if (!this.expectedEnd) this.lose(new BuildFailure('INTERNAL_PLATFORM_ERROR', 'The connection to the guest agent was lost.'));
    });
  }

  /** Ends the event stream and makes sure that the application runs: a snapshot must hold no open connection of ours. */
  async quiesce(): Promise<void> {
    this.expectedEnd = true;
    this.following?.close();
    this.following = undefined;
    const { running, exitCode } = await this.whileAlive(this.agent.status());
    if (!running) throw stopped(exitCode);
  }

  /** Idempotent. Releases the link even if the VM cannot be stopped, and then rejects. */
  release(): Promise<void> {
    this.released ??= this.doRelease();
    return this.released;
  }

  private async doRelease(): Promise<void> {
    this.expectedEnd = true;
    this.signal.removeEventListener('abort', this.onAbort);
    this.following?.close();
    try {
      await this.vm.stop();
    } finally {
      await this.link.release();
    }
  }
}

/** AWS's answer to an application that exits during the build is not recorded. Unknown: app-exit-in-build */
function stopped(code: number | undefined): BuildFailure {
  return new BuildFailure('CONTAINER_BUILD_FAILED', `Container Stopped with Exit Code: ${code === undefined ? 'unknown' : String(code)}`);
}

/** Takes a link, starts a VM on it with `start`, waits for its agent and wakes it. The context owns the VM as soon as it exists. */
export async function openMachine(ctx: BuildContext, start: (link: Link) => Promise<Vm>): Promise<Machine> {
  const { deps, signal } = ctx;
  signal.throwIfAborted();
  const link = await deps.links.acquire(linkOptionsOf(ctx.task, deps.connectors));
  let vm: Vm;
  try {
    vm = await start(link);
  } catch (error) {
    await link.release().catch((leak: unknown) => deps.logger.error({ err: leak, build: ctx.task.buildId }, 'a link of a build could not be released'));
    throw error;
  }
  const machine = ctx.own(new Machine(vm, link, deps.agentFor(vm), signal));
  const waiting = new AbortController();
  try {
    await machine.whileAlive(Promise.race([machine.agent.waitUntilUp(waiting.signal), tooLate(ctx, waiting.signal)]));
  } finally {
    waiting.abort();
  }
  await machine.whileAlive(machine.agent.wake({ hostname: `build-${ctx.task.buildId.slice(0, 8)}` }));
  return machine;
}

async function tooLate({ deps }: BuildContext, signal: AbortSignal): Promise<never> {
  await sleep(deps.clock, deps.limits.agentUpMs, signal);
  throw new BuildFailure('INTERNAL_PLATFORM_ERROR', `The guest agent did not answer within ${deps.limits.agentUpMs / 1000} seconds.`);
}
