/** The MicroVMs a check makes: each is ended, whatever becomes of the check. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../errors/index.js';
import type { CheckTarget } from '../target.js';
import type { Api, Microvm, RunInput } from './api.js';
import { Endpoint } from './endpoint.js';

export interface Vm {
  readonly id: string;
  /** As the API names it. */
  readonly host: string;
  readonly endpoint: Endpoint;
  /** For the application's port. */
  readonly token: string;
}

/** For as long as a check takes it does not suspend by itself, and a request resumes it. */
export const BY_REQUEST = { maxIdleDurationSeconds: 900, suspendedDurationSeconds: 900, autoResumeEnabled: true };

const POLL_MS = 50;
/** From then on nobody needs to know within a moment, and others are measured. */
const PATIENT_AFTER_MS = 5000;
const PATIENT_POLL_MS = 500;
/** A MicroVM that is told to end has its /terminate hook, of 60 s at most, and its VMM to end. */
const END_MS = 90_000;

export class Fleet {
  readonly #made = new Map<string, Endpoint | undefined>();
  /** Calls of RunMicrovm whose answers are not here yet. */
  readonly #running = new Set<Promise<Microvm>>();

  constructor(readonly api: Api, readonly target: CheckTarget, readonly signal: AbortSignal) {}

  /** RunMicrovm. The answer is waited for even when the check is broken off: what was made must be known. */
  async run(more: Partial<RunInput> = {}): Promise<Microvm> {
    this.signal.throwIfAborted();
    return this.#note(this.api.run(this.#input(more)));
  }

  /** RunMicrovm and a token for the application. */
  async launch(more: Partial<RunInput> = {}): Promise<Vm> {
    return this.reach(await this.run(more));
  }

  async reach({ microvmId: id, endpoint: host }: Microvm): Promise<Vm> {
    const endpoint = new Endpoint(host, this.target.ca);
    this.#made.set(id, endpoint);
    return { id, host, endpoint, token: await this.api.token(id, this.target.port) };
  }

  /** Another client of the same endpoint, with connections of its own. */
  endpointOf({ host }: Vm): Endpoint {
    return new Endpoint(host, this.target.ca);
  }

  /** A client that calls RunMicrovm and goes away before the answer. Repeating the call with its token finds what it began. */
  async runAndLeave(more: Partial<RunInput> = {}): Promise<Microvm> {
    const input = this.#input({ ...more, clientToken: randomUUID() });
    const leave = new AbortController();
    const call = this.api.run(input, leave.signal);
    // Long enough for the request to be on its way, too short for most answers.
    setImmediate(() => setTimeout(() => leave.abort(new Error('the client left')), 2));
    await call.catch((error: unknown) => {
      if (!leave.signal.aborted) throw error;
    });
    return this.#note(this.api.run(input));
  }

  /** Polls until `wanted`; answers the MicroVM as it then is. Throws after `limitMs`, or when it ended otherwise. */
  async reaches(id: string, wanted: string, limitMs = END_MS): Promise<Microvm> {
    for (const started = Date.now(); ; ) {
      const vm = await this.api.get(id);
      if (vm.state === wanted) return vm;
      if (vm.state === 'TERMINATED') throw new Error(`it is TERMINATED (${vm.stateReason ?? 'no reason'}), not ${wanted}`);
      const waited = Date.now() - started;
      if (waited > limitMs) throw new Error(`it is ${vm.state} after ${Math.round(limitMs / 1000)} s, not ${wanted}`);
      await this.pause(waited > PATIENT_AFTER_MS ? PATIENT_POLL_MS : POLL_MS);
    }
  }

  async suspend(vm: Vm): Promise<void> {
    await this.api.suspend(vm.id);
    await this.reaches(vm.id, 'SUSPENDED');
  }

  async end({ id }: { readonly id: string }): Promise<Microvm> {
    this.#made.get(id)?.close();
    await this.api.terminate(id);
    return this.reaches(id, 'TERMINATED');
  }

  /** Rejects when the check is broken off. */
  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal });
  }

  /** Ends all that still lives, also after the check was broken off. Answers what could not be ended. */
  async close(): Promise<string[]> {
    await Promise.allSettled(this.#running);
    const outcomes = await Promise.all([...this.#made].map(async ([id, endpoint]) => {
      endpoint?.close();
      try {
        await this.#endForGood(id);
        return [];
      } catch (error) {
        return [`${id}: ${messageOf(error)}`];
      }
    }));
    return outcomes.flat();
  }

  async #endForGood(id: string): Promise<void> {
    const { state } = await this.api.get(id);
    if (state === 'TERMINATED') return;
    await this.api.terminate(id);
    for (const end = Date.now() + END_MS; (await this.api.get(id)).state !== 'TERMINATED'; await sleep(POLL_MS)) {
      if (Date.now() > end) throw new Error(`not TERMINATED ${END_MS / 1000} s after it was told to end`);
    }
  }

  async #note(call: Promise<Microvm>): Promise<Microvm> {
    this.#running.add(call);
    try {
      const vm = await call;
      this.#made.set(vm.microvmId, undefined);
      return vm;
    } finally {
      this.#running.delete(call);
    }
  }

  #input(more: Partial<RunInput>): RunInput {
    const { image, executionRoleArn, runHookPayload } = this.target;
    return { imageIdentifier: image.arn, imageVersion: image.version, executionRoleArn, runHookPayload, ...more };
  }
}
