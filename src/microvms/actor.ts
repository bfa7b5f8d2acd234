import { Fault, messageOf } from '../errors/index.js';
import type { Launchable } from '../images/contracts.js';
import type { MicrovmRecord, MicrovmState } from '../store/contracts.js';
import type { MicrovmDeps } from './deps.js';
import { HookFailedError, launch } from './launcher.js';
import { lifecycle, type Effect, type LifecycleEvent } from './lifecycle.js';
import { Machine } from './machine.js';
import { StepQueue } from './queue.js';
import { reasons } from './reasons.js';
import { overtaken, refusal } from './refusals.js';
import { resume, ResumeLostError } from './resumer.js';
import { suspend } from './suspender.js';
import { terminate } from './terminator.js';
import type { TimedFacts } from './timers.js';

/** What the step under way is aborted with when a terminate overtakes it. */
class OvertakenError extends Error {
  override readonly name = 'OvertakenError';
}

/**
 * One MicroVM that is not terminated: its record, its machine, and its steps one after another. Every change of state
 * goes through {@link dispatch} and the table of lifecycle.ts.
 */
export class Actor {
  readonly machine: Machine;
  readonly #queue = new StepQueue();
  #record: MicrovmRecord;
  #lastActivity: number;
  #resuming: Promise<void> | undefined;
  #launchFailed = false;
  #sealed = false;

  /** `onChange` is called after each change of state, and when a resume begins or fails. */
  constructor(
    record: MicrovmRecord,
    readonly deps: MicrovmDeps,
    readonly onChange: (actor: Actor) => void,
  ) {
    this.#record = record;
    this.#lastActivity = deps.clock.now();
    this.machine = new Machine(record, deps, {
      // At once; AWS stays RUNNING for about 15 s. Unknown: vm-app-exit-delay
      appExited: (code) => this.dispatch('appExited', reasons.appExited(code)),
      vmmExited: (detail) => {
        deps.logger.error({ microvm: record.id, detail }, 'the VMM of a MicroVM ended unexpectedly');
        this.dispatch('vmmExited', reasons.vmmExited);
      },
    });
  }

  get record(): MicrovmRecord {
    return this.#record;
  }

  get state(): MicrovmState {
    return this.#record.state;
  }

  /** It ended because it could not be launched. */
  get launchFailed(): boolean {
    return this.#launchFailed;
  }

  get facts(): TimedFacts {
    return { record: this.#record, lastActivity: this.#lastActivity, resuming: this.#resuming !== undefined };
  }

  touch(): void {
    this.#lastActivity = this.deps.clock.now();
  }

  /** Resolves when all that was asked for until now is done. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  launch(image: Launchable, runHookPayload: string | undefined): void {
    void this.#queue.run(async (signal) => {
      try {
        await launch(this.deps, this.machine, image, runHookPayload, signal);
        this.dispatch('launched');
      } catch (error) {
        if (signal.aborted) return;
        this.#launchFailed = true;
        this.#log('could not launch a MicroVM', error);
        if (error instanceof HookFailedError) this.dispatch('hookFailed', error.message);
        else this.dispatch('launchFailed', reasons.launchFailed);
      }
    });
  }

  /** Resolves when accepted, or when it is suspended already; rejects when the state refuses. */
  suspend(options: { readonly resumeOnStart: boolean } = { resumeOnStart: false }): Promise<void> {
    if (this.#decide('suspendRequested') === 'stay' && this.#resuming === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      void this.#queue.run(async (signal) => {
        try {
          const decision = this.#decide('suspendRequested');
          if (decision === 'go') this.dispatch('suspendRequested');
          resolve();
          if (decision === 'go') await this.#suspend(options.resumeOnStart, signal);
        } catch (error) {
          reject(error instanceof Error ? error : new Fault(messageOf(error)));
        }
      });
    });
  }

  /** Resolves when it runs. However many ask, it is resumed once. */
  resume(): Promise<void> {
    const before = this.#resuming;
    if (before !== undefined) return before;
    if (this.#sealed) return Promise.reject(new Fault(`MicroVM ${this.#record.id} is not resumed: the service is shutting down`));
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
  }

  /** It enters TERMINATING at once; {@link idle} tells when it is over. */
  end(event: 'terminateRequested' | 'lifetimeOver' | 'suspendedTooLong' | 'daemonRestarted', reason?: string): void {
    this.dispatch(event, reason);
  }

  dispatch(event: LifecycleEvent, reason?: string, resumeOnStart = false): void {
    const from = this.state;
    const cell = lifecycle[from][event];
    if (cell.kind === 'never' || cell.kind === 'refuse') throw new Fault(`${event} cannot happen to a MicroVM in state ${from}`);
    if (cell.kind !== 'go') return;
    this.#write({ state: cell.to, ...this.#facts(cell.to, reason, resumeOnStart) });
    this.#perform(cell.effect, from);
    this.#meter();
    this.onChange(this);
  }

  #meter(): void {
    const { pid } = this.machine;
    if (this.state === 'RUNNING' && pid !== undefined) this.deps.usage?.running(this.#record, pid);
    if (this.state === 'TERMINATED') this.deps.usage?.ended(this.#record.id);
  }

  #facts(to: MicrovmState, reason: string | undefined, resumeOnStart: boolean): Partial<MicrovmRecord> {
    const now = this.deps.clock.now();
    switch (to) {
      case 'RUNNING':
        return { suspendedAt: undefined, resumeOnStart: false };
      case 'SUSPENDED':
        return { suspendedAt: now, resumeOnStart };
      case 'TERMINATING':
        return reason === undefined ? {} : { stateReason: reason };
      case 'TERMINATED':
        return { terminatedAt: now };
      case 'PENDING':
      case 'SUSPENDING':
        return {};
    }
  }

  /** Memory leads: a disk that takes no record must not keep a MicroVM from ending. */
  #write(change: Partial<MicrovmRecord> & Pick<MicrovmRecord, 'state'>): void {
    this.#record = { ...this.#record, ...change };
    try {
      this.deps.store.updateMicrovm(this.#record.id, change);
    } catch (error) {
      this.#log('could not record the state of a MicroVM', error);
    }
  }

  #perform(effect: Effect | undefined, from: MicrovmState): void {
    if (effect === 'admit') this.touch();
    if (effect !== 'release') return;
    this.#queue.abort(new OvertakenError(`MicroVM ${this.#record.id} is being terminated`));
    const wasRunning = from === 'RUNNING' || from === 'SUSPENDING';
    void this.#queue.run(async () => {
      await terminate(this.deps, this.machine, wasRunning ? this.#image()?.config : undefined);
      this.dispatch('stopped');
    });
  }

  async #suspend(resumeOnStart: boolean, signal: AbortSignal): Promise<void> {
    try {
      await suspend(this.deps, this.machine, this.#mustHaveImage(), signal);
      this.dispatch('suspended', undefined, resumeOnStart);
      await this.machine.releaseLink();
    } catch (error) {
      if (signal.aborted) return;
      this.#log('could not suspend a MicroVM', error);
      if (error instanceof HookFailedError) this.dispatch('hookFailed', error.message);
      else this.dispatch('suspendFailed');
    }
  }

  async #resume(signal: AbortSignal): Promise<void> {
    if (this.#decide('resumeRequested') === 'stay') return;
    try {
      await resume(this.deps, this.machine, this.#mustHaveImage(), this.#record.suspendedAt, signal);
    } catch (error) {
      if (signal.aborted) throw overtaken(this.#record);
      this.#log('could not resume a MicroVM', error);
      if (error instanceof ResumeLostError) this.dispatch('resumeLost', reasons.resumeLost);
      else this.dispatch('resumeFailed');
      throw new Fault(`MicroVM ${this.#record.id} could not be resumed: ${messageOf(error)}`);
    }
    if (signal.aborted) throw overtaken(this.#record);
    this.dispatch('resumed');
  }

  /** Throws the request error when the state refuses. */
  #decide(event: LifecycleEvent): 'go' | 'accept' | 'stay' {
    const { kind } = lifecycle[this.state][event];
    if (kind === 'refuse') throw refusal(this.#record, event);
    if (kind === 'never') throw new Fault(`${event} cannot happen to a MicroVM in state ${this.state}`);
    return kind;
  }

  #mustHaveImage(): Launchable {
    return this.deps.catalog.ofRunning(this.#record.imageArn, this.#record.imageVersion);
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
    this.deps.logger.error({ microvm: this.#record.id, error: messageOf(error) }, what);
  }
}
