import { sleep } from '../clock/index.js';
import { Fault, messageOf } from '../errors/index.js';
import type { Launchable } from '../images/contracts.js';
import type { MicrovmRecord, MicrovmState } from '../store/contracts.js';
import { checkAgent } from './agent-check.js';
import { awaken } from './awaken.js';
import type { MicrovmDeps } from './deps.js';
import { DiskSeal } from './disk-seal.js';
import { factsOf } from './facts.js';
import { failureOf, failureOfExit } from './failure.js';
import { HookFailedError, launch } from './launcher.js';
import { lifecycle, type Effect, type LifecycleEvent } from './lifecycle.js';
import { Machine } from './machine.js';
import { StepQueue } from './queue.js';
import { reasons } from './reasons.js';
import { RecordKeeper } from './record-keeper.js';
import { overtaken, refusal } from './refusals.js';
import { resume } from './resumer.js';
import { suspend } from './suspender.js';
import { terminate } from './terminator.js';
import type { TimedFacts } from './timers.js';

/** What the step under way is aborted with when a terminate overtakes it. */
class OvertakenError extends Error {
  override readonly name = 'OvertakenError';
}

/** ms until a change that must be on disk before it takes effect is written again, and how often that is tried. */
const WRITE_AGAIN_MS = 1_000;
const WRITE_TRIES = 10;

/**
 * One MicroVM that is not terminated: its record, its machine, and its steps one after another. Every change of state
 * goes through {@link dispatch} and the table of lifecycle.ts.
 */
export class Actor {
  readonly machine: Machine;
  readonly #queue = new StepQueue();
  readonly #keeper: RecordKeeper;
  #lastActivity: number;
  #resuming: Promise<void> | undefined;
  /** Aborts the resume under way when its guest ends. */
  #lost = new AbortController();
  /** Traffic came during the suspend under way. */
  #wanted = false;
  #launchFailed = false;
  #sealed = false;
  #detached = false;
  /** The request's transaction was rolled back. */
  #neverWas = false;
  /** The checksumming of the disks after a suspend. */
  readonly #disks: DiskSeal;
  #checking = false;
  /** Aborted when nobody needs to know any more whether the agent answers. */
  readonly #over = new AbortController();
  #takenOver: Promise<void> = Promise.resolve();
  /** Steady ms of the last report that the guest waits for room on the host's disk. */
  #stalledAt = -Infinity;

  /** `onChange` is called after each change of state, and when a resume begins or fails. */
  constructor(
    record: MicrovmRecord,
    readonly deps: MicrovmDeps,
    readonly onChange: (actor: Actor) => void,
  ) {
    this.#keeper = new RecordKeeper(record, deps, () => onChange(this));
    this.#disks = new DiskSeal(deps, (error) => this.#log('could not checksum the disks of a suspended MicroVM', error));
    this.#lastActivity = record.lastActivity ?? deps.clock.steady();
    this.machine = new Machine(record, deps, {
      // At once; AWS stays RUNNING for about 15 s. Unknown: vm-app-exit-delay
      appExited: (code) => {
        deps.metrics.fault('app-exited');
        this.#guestEnded('appExited', reasons.appExited(code));
      },
      vmmExited: (exit) => {
        const { kind, reason } = failureOfExit(exit);
        deps.metrics.fault(kind);
        deps.logger.error({ microvm: record.id, cause: exit.cause, detail: exit.detail }, 'the VMM of a MicroVM ended unexpectedly');
        this.#guestEnded('vmmExited', reason);
      },
      troubled: (trouble) => {
        this.#stalledAt = deps.clock.steady();
        if (trouble === 'disk-full') deps.metrics.fault('disk-full');
        deps.logger.warn({ microvm: record.id, trouble }, 'a MicroVM cannot write to its disk');
      },
    });
  }

  get record(): MicrovmRecord {
    return this.#keeper.record;
  }

  get state(): MicrovmState {
    return this.record.state;
  }

  /** It is over, and the store knows. */
  get isOver(): boolean {
    return this.#neverWas || (this.state === 'TERMINATED' && !this.#keeper.isBehind);
  }

  /** It ended because it could not be launched. */
  get launchFailed(): boolean {
    return this.#launchFailed;
  }

  get facts(): TimedFacts {
    return { record: this.record, lastActivity: this.#lastActivity, resuming: this.#resuming !== undefined };
  }

  touch(): void {
    this.#lastActivity = this.deps.clock.steady();
  }

  /** Resolves when all that was asked for until now is done. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  launch(): void {
    void this.#queue.run(async (signal) => {
      const started = this.deps.clock.steady();
      try {
        this.#neverWas = this.deps.store.getMicrovm(this.record.id) === undefined;
        if (this.#neverWas) return this.onChange(this);
        await launch(this.deps, this.machine, this.#mustHaveImage(), signal);
        await this.#durably('launched', signal);
        this.#observe('launch', started);
        this.#forgetPayload();
        await this.deps.observe?.('running-recorded', this.record.id);
      } catch (error) {
        if (signal.aborted) return;
        this.#launchFailed = true;
        this.#fail('launch', 'could not launch a MicroVM', error, 'launchFailed');
      }
    });
  }

  /** Goes on with what an earlier daemon left. Resolves when the VM that it left, if any, is taken over. */
  async takeUp(): Promise<void> {
    this.dispatch('daemonStarted');
    await this.#takenOver;
  }

  /** Resolves when accepted, or when it is suspended already; rejects when the state refuses. */
  suspend(options: { readonly resumeOnStart: boolean } = { resumeOnStart: false }): Promise<void> {
    if (this.#decide('suspendRequested') === 'stay' && this.#resuming === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      void this.#queue.run(async (signal) => {
        try {
          const decision = this.#decide('suspendRequested');
          if (decision === 'go') this.dispatch('suspendRequested', undefined, { strict: true });
          resolve();
          if (decision === 'go') await this.#suspend(options.resumeOnStart, signal);
        } catch (error) {
          reject(error instanceof Error ? error : new Fault(messageOf(error)));
        }
      });
    });
  }

  /** Traffic waits: a suspend under way that can still be cancelled is. */
  want(): void {
    this.#wanted = true;
  }

  /** Resolves when it runs. However many ask, it is resumed once. */
  resume(): Promise<void> {
    const before = this.#resuming;
    if (before !== undefined) return before;
    if (this.#sealed) return Promise.reject(new Fault(`MicroVM ${this.record.id} is not resumed: the service is shutting down`));
    if (this.#decide('resumeRequested') === 'stay') return Promise.resolve();
    const resuming = this.#queue
      .run((signal) => this.#resume(signal))
      .finally(() => {
        this.#resuming = undefined;
        if (this.state === 'SUSPENDED') this.onChange(this);
      });
    this.#resuming = resuming;
    this.onChange(this);
    return resuming;
  }

  /** From now on nobody resumes it: the daemon is shutting down. */
  seal(): void {
    this.#sealed = true;
    this.#over.abort(new Error('the service is shutting down'));
    void this.#disks.stop();
  }

  /**
   * Leaves the MicroVM as it is to the next daemon. A step still under way has no say in its state any more: its end
   * may come after the store was closed, or after the next daemon began.
   */
  async detach(): Promise<void> {
    this.seal();
    this.#detached = true;
    this.#keeper.close();
    await this.machine.detach();
  }

  /** It enters TERMINATING at once; {@link idle} tells when it is over. */
  end(event: 'terminateRequested' | 'lifetimeOver' | 'suspendedTooLong', reason?: string): void {
    this.dispatch(event, reason);
  }

  /** The endpoint could not reach the agent: if it stays so, the MicroVM is of no use and ends. */
  suspectAgent(): void {
    if (this.state !== 'RUNNING') return;
    const { agent } = this.machine;
    const unchanged = (): boolean => this.state === 'RUNNING' && this.machine.agent === agent;
    if (this.#checking) return;
    this.#checking = true;
    void checkAgent(this.deps, agent, () => this.#stalledAt, this.#over.signal).then((alive) => {
      this.#checking = false;
      if (alive || !unchanged()) return;
      this.deps.metrics.fault('agent-lost');
      this.dispatch('agentLost', reasons.agentLost);
    });
  }

  /** The guest's wall clock follows the host's. */
  setGuestClock(): void {
    if (this.state !== 'RUNNING') return;
    awaken(this.deps, this.machine, this.#over.signal).catch((error: unknown) => this.#log('could not set the clock of a MicroVM', error));
  }

  /** `strict`: rejects, and changes nothing, when the change cannot be recorded. Otherwise it is recorded later. */
  dispatch(event: LifecycleEvent, reason?: string, { strict = false, resumeOnStart = false } = {}): void {
    if (this.#detached) return;
    const from = this.state;
    const cell = lifecycle[from][event];
    if (cell.kind === 'never' || cell.kind === 'refuse') throw new Fault(`${event} cannot happen to a MicroVM in state ${from}`);
    if (cell.kind !== 'go') return;
    const change = { state: cell.to, ...factsOf({ event, to: cell.to, reason, resumeOnStart }, this.deps.clock) };
    if (strict) this.#keeper.writeNow(change);
    else this.#keeper.write(change);
    if (from !== cell.to) this.deps.metrics.transition(cell.to);
    this.#perform(cell.effect, from);
    if (cell.to === 'RUNNING') this.machine.meter();
    if (cell.to === 'TERMINATED') this.deps.usage?.ended(this.record.id);
    this.onChange(this);
  }

  #perform(effect: Effect | undefined, from: MicrovmState): void {
    switch (effect) {
      case 'admit':
        return this.touch();
      case 'launch':
        return this.launch();
      case 'adopt':
        this.#takenOver = this.#queue.run(() => this.#adopt());
        return;
      case 'suspend':
        this.#takenOver = this.#queue.run(() => this.#adopt());
        void this.#queue.run((signal) => (this.state === 'SUSPENDING' ? this.#suspend(this.record.resumeOnStart, signal) : Promise.resolve()));
        return;
      case 'release':
        return this.#release(from);
      case 'forget':
        return this.#forgetPayload();
      case undefined:
    }
  }

  #release(from: MicrovmState): void {
    this.#over.abort(new Error('terminated'));
    const disksAtRest = this.#disks.stop();
    this.#queue.abort(new OvertakenError(`MicroVM ${this.record.id} is being terminated`));
    const image = this.#image();
    // An earlier daemon may have left it running; a hook that was called then is called again.
    if (from === 'TERMINATING' && image !== undefined) this.#takenOver = this.#queue.run(() => this.machine.takeOver(image.template)).then(() => undefined);
    const mayRun = from === 'RUNNING' || from === 'SUSPENDING' || from === 'TERMINATING';
    void this.#queue.run(async () => {
      const started = this.deps.clock.steady();
      await this.deps.observe?.('terminating-recorded', this.record.id);
      await disksAtRest;
      await terminate(this.deps, this.machine, mayRun ? image?.config : undefined);
      this.dispatch('stopped');
      this.#observe('terminate', started);
    });
  }

  /** Ends in TERMINATING when there is no VM to take over, unless all of it is on disk. */
  async #adopt(): Promise<void> {
    const image = this.#image();
    if (image !== undefined && (await this.machine.takeOver(image.template))) {
      await this.machine.settle();
      this.machine.follow();
      this.machine.meter();
    } else if (this.state === 'SUSPENDING' && (await this.deps.engine.isSuspended(this.machine.dir))) {
      this.deps.usage?.suspended(this.record.id, 0); // what the earlier daemon wrote it did not say
      this.dispatch('suspended');
    } else {
      this.deps.metrics.fault('vmm-killed');
      this.dispatch('vmmExited', reasons.lostWhileDown);
    }
  }

  async #suspend(resumeOnStart: boolean, signal: AbortSignal): Promise<void> {
    const started = this.deps.clock.steady();
    this.#wanted = false;
    try {
      await this.deps.observe?.('suspending-recorded', this.record.id);
      const end = await suspend(this.deps, this.machine, this.#mustHaveImage(), () => this.#wanted && !this.#sealed, signal);
      if (end === 'cancelled') return this.dispatch('suspendCancelled');
      this.dispatch('suspended', undefined, { resumeOnStart });
      this.#observe('suspend', started);
      await this.deps.observe?.('suspended-recorded', this.record.id);
      await this.machine.releaseLink();
      await this.deps.observe?.('suspend-link-released', this.record.id);
      // Terminated meanwhile, its folder is about to go.
      if (this.state === 'SUSPENDED' && !this.#sealed) this.#disks.start(this.machine.dir);
    } catch (error) {
      if (signal.aborted) return;
      this.#fail('suspend', 'could not suspend a MicroVM', error, 'suspendFailed');
    }
  }

  async #resume(signal: AbortSignal): Promise<void> {
    if (this.#decide('resumeRequested') === 'stay') return;
    const started = this.deps.clock.steady();
    await this.#disks.stop();
    this.#lost = new AbortController();
    try {
      await resume(this.deps, this.machine, this.#mustHaveImage(), signal, this.#lost.signal, () => this.#durably('resumed', signal));
    } catch (error) {
      if (signal.aborted) throw overtaken(this.record);
      this.#fail('resume', 'could not resume a MicroVM', error, 'resumeFailed');
      throw new Fault(`MicroVM ${this.record.id} could not be resumed: ${messageOf(error)}`);
    }
    this.#observe('resume', started);
    await this.deps.observe?.('resumed-recorded', this.record.id);
    await this.machine.settle();
  }

  /** For what must be on disk before anyone acts on it: tried again for some seconds, or until `signal` aborts. */
  async #durably(event: LifecycleEvent, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      try {
        return this.dispatch(event, undefined, { strict: true });
      } catch (error) {
        if (tries === WRITE_TRIES || lifecycle[this.state][event].kind !== 'go') throw error;
        this.#log('could not record the state of a MicroVM, trying again', error);
        await sleep(this.deps.clock, WRITE_AGAIN_MS, signal);
      }
    }
  }

  #guestEnded(event: 'appExited' | 'vmmExited', reason: string): void {
    if (this.state === 'SUSPENDED') this.#lost.abort(new Error(reason));
    else this.dispatch(event, reason);
  }

  #fail(step: 'launch' | 'suspend' | 'resume', what: string, error: unknown, event: LifecycleEvent): void {
    const { kind, reason } = failureOf(step, error);
    this.deps.metrics.fault(kind);
    this.#log(what, error);
    this.dispatch(error instanceof HookFailedError && step !== 'resume' ? 'hookFailed' : event, reason);
  }

  #forgetPayload(): void {
    try {
      this.deps.store.forgetRunHookPayload(this.record.id);
    } catch (error) {
      this.#log('could not remove the run hook payload of a MicroVM from the store', error);
    }
  }

  /** Throws the request error when the state refuses. */
  #decide(event: LifecycleEvent): 'go' | 'accept' | 'stay' {
    const { kind } = lifecycle[this.state][event];
    if (kind === 'refuse') throw refusal(this.record, event);
    if (kind === 'never') throw new Fault(`${event} cannot happen to a MicroVM in state ${this.state}`);
    return kind;
  }

  #observe(step: Parameters<MicrovmDeps['metrics']['observe']>[0], since: number): void {
    this.deps.metrics.observe(step, (this.deps.clock.steady() - since) / 1000);
  }

  #mustHaveImage(): Launchable {
    return this.deps.catalog.ofRunning(this.record.imageArn, this.record.imageVersion);
  }

  #image(): Launchable | undefined {
    try {
      return this.#mustHaveImage();
    } catch (error) {
      this.#log('the image of a MicroVM is gone, so its hooks are unknown', error);
      return undefined;
    }
  }

  #log(what: string, error: unknown): void {
    this.deps.logger.error({ microvm: this.record.id, error: messageOf(error) }, what);
  }
}
