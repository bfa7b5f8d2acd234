import type { Duplex } from 'node:stream';
import { messageOf } from '../errors/index.js';
import { AppConnectError } from '../guest/contracts.js';
import type { MicrovmRecord, Store } from '../store/contracts.js';
import type { Actor } from './actor.js';
import { unlessAborted } from './bounded.js';
import { admitsTraffic } from './connectors.js';
import { UnreachableError, type MicrovmGateway } from './contracts.js';

export interface Actors {
  get(id: string): Actor | undefined;
  byLabel(label: string): Actor | undefined;
  touch(id: string): void;
}

/** The endpoint's way to the applications. */
export function createGateway(store: Pick<Store, 'getMicrovmByEndpoint'>, actors: Actors): MicrovmGateway {
  return {
    find: (label) => actors.byLabel(label)?.record ?? store.getMicrovmByEndpoint(label),
    touch: (id) => actors.touch(id),
    async connect(id, port, signal) {
      const actor = actors.get(id);
      if (actor === undefined) throw new UnreachableError('terminated', `MicroVM ${id} is terminated`);
      if (!admitsTraffic(actor.record)) {
        throw new UnreachableError('vm-unreachable', `MicroVM ${id} was run without a connector that admits traffic`);
      }
      for (;;) {
        signal?.throwIfAborted();
        await untilRunning(actor, signal);
        actors.touch(id);
        const stream = await dial(actor, port, signal);
        if (stream !== undefined) return stream;
      }
    },
  };
}

/** Waits while it starts or suspends, resumes it if it may be; throws when it does not get to run. */
async function untilRunning(actor: Actor, signal: AbortSignal | undefined): Promise<void> {
  // Who came before it was suspended is served, whatever the policy says of who comes after.
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
        await unlessAborted(actor.idle(), signal);
        break;
      case 'SUSPENDED':
        if (!cameBefore && !resumesByTraffic(actor.record)) throw new UnreachableError('suspended', `MicroVM ${id} is suspended and not resumed by traffic`);
        await unlessAborted(resume(actor), signal);
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

async function resume(actor: Actor): Promise<void> {
  try {
    await actor.resume();
  } catch (error) {
    throw new UnreachableError('resume-failed', `MicroVM ${actor.record.id} could not be resumed: ${messageOf(error)}`);
  }
}

/** Undefined when the connection failed because the MicroVM was suspended or ended meanwhile: look at its state again. */
async function dial(actor: Actor, port: number, signal: AbortSignal | undefined): Promise<Duplex | undefined> {
  const { agent } = actor.machine;
  try {
    return await agent.dial(port, signal);
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
