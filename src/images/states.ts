/**
 * The states of images, their versions and the versions' builds, as data (spec §3.2).
 *
 *   image    CREATING ─ built ─▶ CREATED          any settled state ─ deleteRequested ─▶ DELETING ─▶ (record gone)
 *                     └ buildFailed ─▶ CREATE_FAILED                                     └ deleteFailed ─▶ DELETE_FAILED
 *            settled, not DELETE_FAILED ─ updateRequested ─▶ UPDATING ─ built, versionDeleted ─▶ UPDATED
 *                                                                     └ buildFailed, versionDeleteFailed ─▶ UPDATE_FAILED
 *   version  PENDING ─ started ─▶ IN_PROGRESS ─ built ─▶ SUCCESSFUL, buildFailed ─▶ FAILED; then as images
 *   build    PENDING ─ started ─▶ IN_PROGRESS ─ built ─▶ SUCCESSFUL, buildFailed ─▶ FAILED
 *
 * A build that a daemon left IN_PROGRESS is started anew by the next one. It can fail before it started: when its
 * daemons ended too often.
 */
import { Fault } from '../errors/index.js';
import type { BuildState, ImageState, VersionState } from '../store/contracts.js';

type Table<State extends string, Event extends string> = Readonly<Record<State, Readonly<Partial<Record<Event, State>>>>>;

export type ImageEvent = 'built' | 'buildFailed' | 'deleteRequested' | 'deleteFailed' | 'updateRequested' | 'versionDeleted' | 'versionDeleteFailed';
export type VersionEvent = 'started' | 'built' | 'buildFailed' | 'deleteRequested' | 'deleteFailed';
export type BuildEvent = 'started' | 'built' | 'buildFailed';

export const IMAGE_STATES: Table<ImageState, ImageEvent> = {
  CREATING: { built: 'CREATED', buildFailed: 'CREATE_FAILED' },
  CREATED: { deleteRequested: 'DELETING', updateRequested: 'UPDATING' },
  CREATE_FAILED: { deleteRequested: 'DELETING', updateRequested: 'UPDATING' },
  // A version that could not be deleted leaves the image UPDATE_FAILED. Unknown: version-delete-failed
  UPDATING: { built: 'UPDATED', buildFailed: 'UPDATE_FAILED', versionDeleted: 'UPDATED', versionDeleteFailed: 'UPDATE_FAILED' },
  UPDATED: { deleteRequested: 'DELETING', updateRequested: 'UPDATING' },
  UPDATE_FAILED: { deleteRequested: 'DELETING', updateRequested: 'UPDATING' },
  DELETING: { deleteRequested: 'DELETING', deleteFailed: 'DELETE_FAILED' },
  DELETE_FAILED: { deleteRequested: 'DELETING' },
  DELETED: {},
};

export const VERSION_STATES: Table<VersionState, VersionEvent> = {
  PENDING: { started: 'IN_PROGRESS', buildFailed: 'FAILED' },
  IN_PROGRESS: { started: 'IN_PROGRESS', built: 'SUCCESSFUL', buildFailed: 'FAILED' },
  SUCCESSFUL: { deleteRequested: 'DELETING' },
  FAILED: { deleteRequested: 'DELETING' },
  DELETING: { deleteRequested: 'DELETING', deleteFailed: 'DELETE_FAILED' },
  DELETE_FAILED: { deleteRequested: 'DELETING' },
  DELETED: {},
};

export const BUILD_STATES: Table<BuildState, BuildEvent> = {
  PENDING: { started: 'IN_PROGRESS', buildFailed: 'FAILED' },
  IN_PROGRESS: { started: 'IN_PROGRESS', built: 'SUCCESSFUL', buildFailed: 'FAILED' },
  SUCCESSFUL: {},
  FAILED: {},
};

/** Throws Fault when the state has no such event: whoever asks checks first. */
export function nextState<State extends string, Event extends string>(table: Table<State, Event>, state: State, event: Event): State {
  const next = table[state][event];
  if (next === undefined) throw new Fault(`no transition from ${state} on ${event}`);
  return next;
}
