import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors/index.js';
import type { Actor } from './actor.js';
import type { MicrovmDeps } from './deps.js';
import { microvmsDir } from './machine.js';
import type { Registry } from './registry.js';

/**
 * Takes up what an earlier daemon left: what ran is taken over, steps half-done go on or begin anew, folders of no
 * MicroVM are removed. Gives the MicroVMs to resume, oldest first.
 */
export async function recover(deps: MicrovmDeps, registry: Registry): Promise<Actor[]> {
  const left = deps.store.microvmsInStates(['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'TERMINATING']);
  const actors = left.map((record) => registry.add(record));
  await Promise.all(actors.map((actor) => actor.takeUp()));
  await deps.engine.endStrays();
  await deps.links.sweep();
  await removeStrayFolders(deps, registry);
  return actors.filter((actor) => actor.record.resumeOnStart && actor.state === 'SUSPENDED');
}

async function removeStrayFolders(deps: MicrovmDeps, registry: Registry): Promise<void> {
  const dir = microvmsDir(deps.dataDir);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const name of await readdir(dir)) {
    if (registry.get(name) !== undefined) continue;
    deps.logger.info({ folder: name }, 'removing the folder of a MicroVM that is gone');
    await rm(join(dir, name), { recursive: true, force: true });
  }
}

/** One after another: traffic that needs one sooner resumes it itself. */
export async function resumeInTurn(deps: MicrovmDeps, actors: readonly Actor[], stop: () => boolean): Promise<void> {
  for (const actor of actors) {
    if (stop()) return;
    try {
      await actor.resume();
    } catch (error) {
      deps.logger.warn({ microvm: actor.record.id, error: messageOf(error) }, 'a MicroVM suspended at shutdown was not resumed');
    }
  }
}
