import { randomUUID } from 'node:crypto';
import { Fault } from '../errors/index.js';
import type { GarbageSource } from '../gc/contracts.js';
import type { Principal } from '../images/contracts.js';
import type { MicrovmRecord } from '../store/contracts.js';
import type { Actor } from './actor.js';
import type { MicrovmGateway, MicrovmService } from './contracts.js';
import type { MicrovmDeps } from './deps.js';
import { microvmGarbage } from './garbage.js';
import { createGateway } from './gateway.js';
import { LaunchTimelines } from './launch-timelines.js';
import { reasons } from './reasons.js';
import { outlookOf } from './outlook.js';
import { notFound, refusal } from './refusals.js';
import { lifecycle, type LifecycleEvent } from './lifecycle.js';
import { Registry } from './registry.js';
import { planRun } from './run.js';
import { leaveRunning, putToRest } from './shutdown.js';
import { recover, resumeInTurn } from './startup.js';

/** Baseline of an image that names no size (spec §3.5). */
const DEFAULT_MEMORY_MIB = 2048;

export interface Microvms extends MicrovmService, MicrovmGateway {
  /** The MicroVM whose guest's packets come from that address of the host; also while its hooks run. Unknown: metadata-states */
  at(address: string): MicrovmRecord | undefined;
  /** Takes up what an earlier daemon left; to be awaited before the first request. Resuming goes on in the background. */
  start(): Promise<void>;
  readonly garbage: GarbageSource;
  /** The wall clock was set: tells the guests that run. */
  hostClockStepped(): void;
  /**
   * No new work. suspend: what runs is suspended, to be resumed at the next start; resolves when no VM is left.
   * keep: steps under way end, and what runs is left running for the next daemon.
   */
  shutdown(guests: 'suspend' | 'keep'): Promise<void>;
}

export function createMicrovms(given: MicrovmDeps): Microvms {
  const launches = new LaunchTimelines(given);
  const deps: MicrovmDeps = {
    ...given,
    observe: (step, id) => {
      launches.reached(step, id);
      return given.observe?.(step, id);
    },
  };
  const registry = new Registry(deps, launches);
  const gateway = createGateway(deps.store, registry);
  const uuid = deps.uuid ?? randomUUID;
  let closing = false;
  let resuming: Promise<void> = Promise.resolve();

  function assertOpen(): void {
    if (closing) throw new Fault('the service is shutting down: try again in a moment');
  }

  function find(who: Principal, id: string): MicrovmRecord {
    const record = registry.get(id)?.record ?? deps.store.getMicrovm(id);
    if (record === undefined || record.accountId !== who.accountId) throw notFound(id);
    return record;
  }

  /** For a request that changes state. Undefined: it is terminated, and that allows the request. */
  function actorFor(who: Principal, id: string, event: LifecycleEvent): Actor | undefined {
    const record = find(who, id);
    const actor = registry.get(id);
    if (actor === undefined && lifecycle[record.state][event].kind === 'refuse') throw refusal(record, event);
    return actor;
  }

  return {
    ...gateway,
    answered: (id) => launches.answered(id),
    connect(id, port, signal) {
      return closing ? Promise.reject(new Fault('the service is shutting down')) : gateway.connect(id, port, signal);
    },
    openSession(id, spec, signal) {
      return closing ? Promise.reject(new Fault('the service is shutting down')) : gateway.openSession(id, spec, signal);
    },
    run(who, input) {
      assertOpen();
      const { record, image } = planRun(deps, uuid, who, input);
      deps.quotas?.admitMicrovm(who.accountId, image.config.resources?.[0]?.minimumMemoryInMiB ?? DEFAULT_MEMORY_MIB);
      deps.store.insertMicrovm(record, input.runHookPayload);
      registry.add(record).launch();
      return record;
    },
    get: find,
    outlook(who, id) {
      const { id: found } = find(who, id);
      const facts = registry.get(found)?.facts;
      return facts === undefined ? { transitions: [] } : outlookOf(facts, deps.clock);
    },
    launches: (who, id) => launches.of(find(who, id).id),
    live: (who) => registry.all().map(({ record }) => record).filter(({ accountId, state }) => accountId === who.accountId && state !== 'TERMINATED'),
    list: (who, filter, page) => deps.store.listMicrovms({ accountId: who.accountId, ...filter }, page),
    async suspend(who, id) {
      assertOpen();
      await actorFor(who, id, 'suspendRequested')?.suspend();
    },
    async resume(who, id) {
      assertOpen();
      await actorFor(who, id, 'resumeRequested')?.resume();
    },
    async terminate(who, id) {
      await Promise.resolve(actorFor(who, id, 'terminateRequested')?.end('terminateRequested', reasons.terminated));
    },
    at: (address) => registry.byAddress(address)?.record,
    garbage: microvmGarbage(deps, (id) => registry.get(id) !== undefined),
    async start() {
      const toResume = await recover(deps, registry);
      resuming = resumeInTurn(deps, toResume, () => closing);
    },
    hostClockStepped() {
      for (const actor of registry.all()) actor.setGuestClock();
    },
    async shutdown(guests) {
      closing = true;
      registry.stopTimers();
      await Promise.all(registry.all().map((actor) => (guests === 'keep' ? leaveRunning(deps, actor) : putToRest(deps, actor))));
      await resuming;
      launches.close();
    },
  };
}
