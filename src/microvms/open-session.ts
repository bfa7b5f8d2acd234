import { messageOf } from '../errors/index.js';
import { GuestAgentError, type GuestSession, type SessionSpec } from '../guest/contracts.js';
import type { Actor } from './actor.js';
import { SessionRefusedError, UnreachableError } from './contracts.js';

/** Undefined when it failed because the MicroVM was suspended or ended meanwhile: look at its state again. */
export async function openSession(actor: Actor, spec: SessionSpec, signal: AbortSignal | undefined): Promise<GuestSession | undefined> {
  const { machine } = actor;
  const { agent } = machine;
  const moved = (): boolean => actor.state !== 'RUNNING' || machine.agent !== agent;
  let session: GuestSession;
  try {
    session = await agent.session(spec, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (moved()) return undefined;
    const code = error instanceof GuestAgentError ? error.code : undefined;
    if (code === 'start_failed' || code === 'bad_request' || code === 'not_started') throw new SessionRefusedError(code, messageOf(error));
    if (code === undefined) actor.suspectAgent(); // a refusal is an answer
    throw new UnreachableError('vm-unreachable', `MicroVM ${actor.record.id} does not answer: ${messageOf(error)}`);
  }
  if (moved()) {
    session.close();
    return undefined;
  }
  machine.sessions.add(session);
  return session;
}
