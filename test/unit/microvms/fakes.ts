/** Stand-ins for the layers below microvms/. They keep what was asked of them in one list, in order. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { PassThrough, type Duplex } from 'node:stream';
import type { Engine, Vm, VmExit, VmTrouble } from '../../../src/engine/contracts.js';
import { ValidationError } from '../../../src/errors/index.js';
import type { GuestAgent, GuestEvents, GuestSession } from '../../../src/guest/contracts.js';
import type { CallHook, HookCall, HookOutcome } from '../../../src/hooks/contracts.js';
import type { Launchable } from '../../../src/images/contracts.js';
import type { AppLog } from '../../../src/logs/contracts.js';
import { type FaultKind, noMetrics } from '../../../src/metrics/contracts.js';
import { INTERNET, type Link, NO_EGRESS } from '../../../src/network/contracts.js';
import type { MicrovmState, Store } from '../../../src/store/contracts.js';
import { openStore } from '../../../src/store/sqlite/open.js';
import type { MicrovmDeps } from '../../../src/microvms/deps.js';
import { createMicrovms, type Microvms } from '../../../src/microvms/service.js';
import { untilAborted } from '../../support/until-aborted.js';
import { FakeClock } from './fake-clock.js';

export { FakeClock, START } from './fake-clock.js';

export const WHO = { accountId: '000000000000', accessKeyId: 'AK' };
export const IMAGE = 'arn:aws:lambda:us-east-1:000000000000:microvm-image:web';

/** A step that waits until the test lets it go on. */
export class Gate {
  #open!: () => void;
  readonly passed = new Promise<void>((resolve) => (this.#open = resolve));
  open(): void {
    this.#open();
  }
}

export interface FakeGuest {
  readonly vm: Vm;
  events: GuestEvents | undefined;
  trouble: ((trouble: VmTrouble) => void) | undefined;
  followedAfter: number[];
  exit(detail?: string): void;
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  const limit = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > limit) throw new Error(`never came: ${what}`);
    await new Promise(setImmediate);
  }
}

/** Sessions in fake guests, oldest first, with what ended each. */
export class FakeSessions {
  readonly opened: { session: GuestSession; dropped: string | undefined }[] = [];

  open(): GuestSession {
    let end!: () => void;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const ignore = (): void => undefined;
    const kept: FakeSessions['opened'][number] = {
      dropped: undefined,
      session: {
        ended, start: ignore, write: () => true, endInput: ignore, resize: ignore, signal: ignore, pause: ignore, resume: ignore, close: end,
        drop: (reason) => {
          kept.dropped ??= reason.message;
          end();
        },
      },
    };
    this.opened.push(kept);
    return kept.session;
  }
}

export class World {
  readonly clock = new FakeClock();
  readonly calls: string[] = [];
  /** Calls of this name reject with this error, once each. */
  readonly failures = new Map<string, Error>();
  /** Calls of this name wait for the gate. */
  readonly gates = new Map<string, Gate>();
  readonly hookCalls: HookCall[] = [];
  readonly hookOutcomes = new Map<string, HookOutcome>();
  readonly guests: FakeGuest[] = [];
  readonly lines: string[] = [];
  /** ARNs of the customer connectors there are. */
  readonly connectors = new Set<string>();
  readonly logged: unknown[] = [];
  readonly sessions = new FakeSessions();
  /** What was counted. */
  readonly faults: FaultKind[] = [];
  /** ms of the stopwatch that a call of this name takes. */
  takes = new Map<string, number>();
  /** ms of the stopwatch. */
  elapsed = 0;
  /** What was measured of phases, in seconds. */
  readonly phases: string[] = [];
  /** What the meter of usage was told, with how many VMs ran then. */
  readonly metered: string[] = [];
  /** Ids of MicroVMs whose VMM an earlier daemon left running; adopting one takes it out. */
  readonly survivors = new Set<string>();
  /** Ids of MicroVMs with a complete suspension. */
  readonly suspensions = new Set<string>();
  linksHeld = 0;
  logsOpen = 0;
  runningVms = 0;
  imageGone = false;
  image: Launchable = {
    imageArn: IMAGE,
    version: '1.0',
    template: '/templates/web',
    config: {
      baseImageArn: 'arn:base', buildRoleArn: 'arn:role', codeArtifact: { uri: 's3://b/k' },
      hooks: {
        port: 9000,
        microvmHooks: { run: 'ENABLED', resume: 'ENABLED', suspend: 'ENABLED', terminate: 'ENABLED', suspendTimeoutInSeconds: 7 },
        microvmImageHooks: { ready: 'ENABLED' },
      },
    },
  };
  store!: Store;
  dataDir!: string;
  microvms!: Microvms;

  static async create(): Promise<World> {
    const world = new World();
    world.dataDir = await mkdtemp(join(tmpdir(), 'microvms-'));
    world.store = openStore(join(world.dataDir, 'records.db'));
    world.restart();
    return world;
  }

  /** A new daemon over the same records and folders. */
  restart(): void {
    this.microvms = createMicrovms(this.deps());
  }

  async destroy(): Promise<void> {
    this.store.close();
    await rm(this.dataDir, { recursive: true });
  }

  /** Runs a MicroVM and waits until it is RUNNING. */
  async running(input: Partial<Parameters<Microvms['run']>[1]> = {}): Promise<string> {
    const { id } = this.microvms.run(WHO, { imageArn: IMAGE, ...input });
    await this.reaches(id, 'RUNNING');
    return id;
  }

  async suspended(input: Partial<Parameters<Microvms['run']>[1]> = {}): Promise<string> {
    const id = await this.running(input);
    const held = this.linksHeld;
    await this.microvms.suspend(WHO, id);
    await this.reaches(id, 'SUSPENDED');
    await until(() => this.linksHeld === held - 1, 'link released');
    return id;
  }

  state(id: string): MicrovmState | undefined {
    return this.store.getMicrovm(id)?.state;
  }

  reaches(id: string, state: MicrovmState): Promise<void> {
    return until(() => this.state(id) === state, `${id} ${state}, is ${this.state(id)}: ${this.calls.join(' ')} ${JSON.stringify(this.logged)}`);
  }

  dirOf(id: string): string {
    return join(this.dataDir, 'microvms', id);
  }

  count(call: string): number {
    return this.calls.filter((made) => made === call).length;
  }

  get guest(): FakeGuest {
    const last = this.guests.at(-1);
    if (last === undefined) throw new Error('no guest was started');
    return last;
  }

  deps(): MicrovmDeps {
    const log = (...args: unknown[]): void => void this.logged.push(args);
    return {
      store: this.store,
      catalog: {
        launchable: () => this.image,
        ofRunning: () => {
          if (this.imageGone) throw new Error('image gone');
          return this.image;
        },
      },
      engine: this.#engine(),
      links: {
        acquire: async ({ egress: { internet } }) => {
          await this.#step('link');
          this.calls.push(internet ? 'internet' : 'no-internet');
          return this.#link();
        },
        adopt: () => this.#link(),
        sweep: () => Promise.resolve(),
        usedFor: () => undefined,
        opened: () => Promise.resolve(),
        close: () => Promise.resolve(),
      },
      agentFor: (vm) => this.#agent(this.guests.find((guest) => guest.vm === vm)),
      callHook: this.#callHook,
      connectors: {
        egressOf: (_account, arns) => (arns.some((arn) => arn.endsWith(':INTERNET_EGRESS')) ? INTERNET : NO_EGRESS),
        requireUsable: (_who, arn, field) => {
          if (!this.connectors.has(arn)) throw new ValidationError(`Network connector ${arn} does not exist in this account`, field);
        },
      },
      log: this.#appLog(),
      dataDir: this.dataDir,
      clock: this.clock,
      config: { region: 'us-east-1' },
      usage: {
        running: (_vm, pid) => void this.metered.push(`running in ${pid}`),
        leaving: () => Promise.resolve(void this.metered.push(`leaving, ${this.runningVms} running`)),
        suspended: (_id, bytes) => void this.metered.push(`suspended ${bytes}`),
        ended: () => void this.metered.push('ended'),
      },
      metrics: {
        ...noMetrics,
        fault: (kind) => void this.faults.push(kind),
        launchPhase: (kind, phase, seconds) => void this.phases.push(`${kind} ${phase} ${Math.round(seconds * 1000) / 1000}`),
      },
      stopwatch: () => this.elapsed,
      logger: { debug: log, info: log, warn: log, error: log },
    };
  }

  async #step(name: string): Promise<void> {
    this.calls.push(name);
    await this.gates.get(name)?.passed;
    this.elapsed += this.takes.get(name) ?? 0;
    const failure = this.failures.get(name);
    this.failures.delete(name);
    if (failure !== undefined) throw failure;
  }

  #link(): Link {
    this.linksHeld++;
    let held = true;
    return {
      netnsPath: '/run/netns/x', tap: 'tap0', guestMac: '', host: '198.18.0.1', expect: () => Promise.resolve(),
      release: async () => {
        await this.#step('unlink');
        if (held) this.linksHeld--;
        held = false;
      },
    };
  }

  #engine(): Engine {
    return {
      info: () => Promise.reject(new Error('not asked for')),
      boot: () => Promise.reject(new Error('not asked for')),
      launch: async (spec) => {
        await this.#step('launch');
        return this.#vm(spec.id);
      },
      resume: async (spec) => {
        await this.#step('resume');
        return this.#vm(spec.id);
      },
      adopt: async (spec) => {
        await this.#step('adopt');
        const link = this.survivors.delete(spec.id) ? spec.linkAt('/run/netns/x') : undefined;
        return link === undefined ? undefined : { link, vm: this.#vm(spec.id) };
      },
      endStrays: () => Promise.resolve(),
      isSuspended: (dir) => Promise.resolve(this.suspensions.has(basename(dir))),
      seal: () => Promise.resolve(),
    };
  }

  #vm(id: string): Vm {
    this.runningVms++;
    let alive = true;
    let exited!: (exit: VmExit) => void;
    const gone = new Promise<VmExit>((resolve) => (exited = resolve));
    const exit = (detail = ''): void => {
      if (alive) this.runningVms--;
      alive = false;
      exited({ code: 1, signal: null, cause: detail.includes('Kernel panic') ? 'guest' : 'vmm', detail });
    };
    const vm: Vm = {
      id,
      pid: 1,
      exited: gone,
      dial: () => Promise.reject(new Error('not asked for')),
      snapshot: () => Promise.reject(new Error('not asked for')),
      stats: () => Promise.reject(new Error('not asked for')),
      check: () => (alive ? Promise.resolve() : Promise.reject(new Error('the VMM is gone'))),
      onTrouble: (listener) => (guest.trouble = listener),
      settle: async () => {
        await this.#step('settle');
        this.suspensions.delete(id);
      },
      detach: () => void this.calls.push('detach'),
      suspend: async () => {
        await this.#step('suspend');
        this.suspensions.add(id);
        exit();
        return { dirtyPages: 1, bytes: 4096 };
      },
      stop: async () => {
        await this.#step('stop');
        exit();
      },
    };
    const guest: FakeGuest = { vm, events: undefined, trouble: undefined, followedAfter: [], exit };
    this.guests.push(guest);
    return vm;
  }

  #agent(guest: FakeGuest | undefined): GuestAgent {
    const unasked = (): Promise<never> => Promise.reject(new Error('not asked for'));
    return {
      waitUntilUp: (signal) => Promise.race([this.#step('waitUntilUp'), untilAborted(signal)]),
      wake: () => this.#step('wake'),
      dial: async (port): Promise<Duplex> => {
        await this.#step(`dial:${port}`);
        return new PassThrough();
      },
      follow: (afterSeq, events) => {
        guest?.followedAfter.push(afterSeq);
        if (guest !== undefined) guest.events = events;
        return Promise.resolve({ close: () => undefined, ended: new Promise<void>(() => undefined) });
      },
      session: async (spec) => {
        await this.#step(`session:${spec.kind}`);
        return this.sessions.open();
      },
      start: unasked, exec: unasked, status: unasked, stopApp: () => Promise.resolve(), unmountAll: unasked,
    };
  }

  readonly #callHook: CallHook = async (_agent, call) => {
    this.hookCalls.push(call);
    await Promise.race([this.#step(`/${call.hook}`), ...(call.signal === undefined ? [] : [untilAborted(call.signal)])]);
    return this.hookOutcomes.get(call.hook) ?? { kind: 'ok' };
  };

  #appLog(): AppLog {
    return {
      stream: (_accountId, group, name) => {
        this.logsOpen++;
        let open = true;
        return {
          write: (_time, text) => void this.lines.push(`${group} ${name}: ${text}`),
          close: () => {
            if (open) this.logsOpen--;
            open = false;
            return Promise.resolve();
          },
        };
      },
    };
  }
}
