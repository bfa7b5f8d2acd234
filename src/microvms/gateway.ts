import type { Duplex } from 'node:stream';
import { messageOf } from '../errors/index.js';
import { AppConnectError } from '../guest/contracts.js';
import type { MicrovmRecord, Store } from '../store/contracts.js';
import type { Actor } from './actor.js';
import { unlessAborted } from './bounded.js';
import { admitsShell, admitsTraffic } from './connectors.js';
import { UnreachableError, type MicrovmGateway } from './contracts.js';
import { openSession } from './open-session.js';

export interface Actors {
  get(id: string): Actor | undefined;
  byLabel(label: string): Actor | undefined;
  touch(id: string): void;
  /** A request waits until it runs. */
  waits(id: string): void;
}

/** The endpoint's way to the applications. */
export function createGateway(store: Pick<Store, 'getMicrovmByEndpoint'>, actors: Actors): Omit<MicrovmGateway, 'answered'> {
  return {
    find: (label) => actors.byLabel(label)?.record ?? store.getMicrovmByEndpoint(label),
    isRunning: (id) => actors.get(id)?.state === 'RUNNING',
    touch: (id) => actors.touch(id),
    async connect(id, port, signal) {
      const actor = actors.get(id);
      if (actor === undefined) throw new UnreachableError('terminated', `MicroVM ${id} is terminated`);
      if (!admitsTraffic(actor.record)) {
        throw new UnreachableError('vm-unreachable', `MicroVM ${id} was run without a connector that admits traffic`);
      }
      return reach(actors, actor, () => dial(actor, port, signal), signal);
    },
    async openSession(id, spec, signal) {
      const actor = actors.get(id);
      if (actor === undefined) throw new UnreachableError('terminated', `MicroVM ${id} is terminated`);
      if (!admitsShell(actor.record)) throw new UnreachableError('vm-unreachable', `MicroVM ${id} was run without SHELL_INGRESS`);
      // Resumes as application traffic does. Unknown: shell-resume
      return reach(actors, actor, () => openSession(actor, spec, signal), signal);
    },
  };
}

/** Tries as often as the MicroVM is suspended meanwhile. */
async function reach<T>(actors: Pick<Actors, 'touch' | 'waits'>, actor: Actor, attempt: () => Promise<T | undefined>, signal: AbortSignal | undefined): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    await untilRunning(actors, actor, signal);
    actors.touch(actor.record.id);
    const reached = await attempt();
    if (reached !== undefined) return reached;
  }
}

/** Waits while it starts or suspends, resumes it if it may be; throws when it does not get to run. */
async function untilRunning(actors: Pick<Actors, 'waits'>, actor: Actor, signal: AbortSignal | undefined): Promise<void> {
  // Who came before it was suspended is served, whatever the policy says of who comes after. Unknown: vm-traffic-while-suspending
  let cameBefore = false;
  while (actor.state !== 'RUNNING') {
    const { id } = actor.record;
    switch (actor.state) {
      case 'SUSPENDING':
        cameBefore = true;
        actor.want();
        await unlessAborted(actor.idle(), signal);
        break;
      case 'PENDING':
        actors.waits(id);
        await unlessAborted(actor.idle(), signal);
        break;
      case 'SUSPENDED':
        if (!cameBefore && !resumesByTraffic(actor.record)) throw new UnreachableError('suspended', `MicroVM ${id} is suspended and not resumed by traffic`);
        await unlessAborted(resume(actors, actor), signal);
        break;
      case 'TERMINATING':
      case 'TERMINATED':
        throw actor.launchFailed
          ? new UnreachableError('vm-unreachable', `MicroVM ${id} could not be launched`)
          : new UnreachableError('terminated', `MicroVM ${id} is terminated`);
    }
  }
}

/** Without an idle policy only ResumeMicrovm resumes unless the daemon's own shutdown suspended it. Unknown: vm-no-idle-policy */
function resumesByTraffic(record: MicrovmRecord): boolean {
  return record.resumeOnStart || record.idlePolicy?.autoResumeEnabled === true;
}

async function resume(actors: Pick<Actors, 'waits'>, actor: Actor): Promise<void> {
  try {
    const resuming = actor.resume();
    actors.waits(actor.record.id);
    await resuming;
  } catch (error) {
    throw new UnreachableError('resume-failed', `MicroVM ${actor.record.id} could not be resumed: ${messageOf(error)}`);
  }
}

/** Undefined when the connection failed because the MicroVM was suspended or ended meanwhile: look at its state again. */
async function dial(actor: Actor, port: number, signal: AbortSignal | undefined): Promise<Duplex | undefined> {
  const { agent } = actor.machine;
  try {
    const stream = await agent.dial(port, signal);
    if (actor.machine.owns(agent, stream)) return stream;
    stream.destroy();
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    if (actor.state !== 'RUNNING' || actor.machine.agent !== agent) return undefined;
    if (error instanceof AppConnectError) {
      throw new UnreachableError('app-not-listening', `nothing listens on port ${port} of MicroVM ${actor.record.id}`);
    }
    actor.suspectAgent();
    throw new UnreachableError('vm-unreachable', `MicroVM ${actor.record.id} does not answer: ${messageOf(error)}`);
  }
}
