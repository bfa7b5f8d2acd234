/**
 * Copies a data folder while its daemon serves it, or while none does.
 *
 * Images do not change and suspended MicroVMs lie still, but either may go away meanwhile. So the records are copied, then
 * what they speak of, then the records again, until all that the last records speak of has been copied as it was then.
 */
import { mkdtemp, readdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { OperatorError } from '../errors/index.js';
import { type Archive, createArchive } from './archive.js';
import { type Contents, type Header, MEMBERS, type Places } from './contracts.js';
import { copyDatabase, identityOf, recordsOf, type Unit, vmmOf } from './units.js';

/** Rounds of copying what came since the last one; each is shorter than the one before. */
const ROUNDS = 10;
/** The daemon's own; layers of builds, which are made anew; what is copied apart; and what is there for a moment. */
const LEFT_OUT = /^(lock|tardigrade\.db|build-cache$|lost\+found$|images$|microvms$|\.backup-|\.restore-)|\.[0-9a-f]{16}$/;

export interface Backup extends Contents {
  readonly file: string;
}

/** Throws OperatorError; then there is no file. `createdAt`: ISO 8601. */
export async function backup(places: Places, file: string, createdAt: string): Promise<Backup> {
  const dataDir = await realpath(places.dataDir).catch(() => {
    throw new OperatorError(`there is no data folder ${places.dataDir}: nothing to back up`);
  });
  const target = join(await realpath(dirname(resolve(file))), resolve(file).slice(dirname(resolve(file)).length));
  if (!relative(dataDir, target).startsWith('..')) throw new OperatorError(`the backup ${target} would be inside the data folder ${dataDir}: write it elsewhere, best to another disk`);
  await mustBePlain(dataDir);
  const work = await mkdtemp(join(dataDir, '.backup-'));
  // The suffix stays last, as it says whether zstd is used.
  const partial = join(dirname(target), `.partial-${process.pid}-${target.slice(dirname(target).length + 1)}`);
  let archive: Archive | undefined;
  try {
    archive = await createArchive(partial);
    const header: Header = { magic: 'tardigrade-backup', schema: 1, createdAt, dataDir };
    await writeFile(join(work, MEMBERS.header), JSON.stringify(header, null, 2));
    await archive.add(work, [MEMBERS.header]);
    const contents = await copyUnits(dataDir, archive, join(work, MEMBERS.database));
    await archive.add(dataDir, await others(dataDir, places.assetsDir));
    await writeFile(join(work, MEMBERS.contents), JSON.stringify(contents, null, 2));
    await archive.add(work, [MEMBERS.contents, MEMBERS.database]);
    await archive.finish();
    await rename(partial, target);
    return { file: target, ...contents };
  } catch (error) {
    await archive?.abort();
    await rm(partial, { force: true });
    throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface Copy {
  readonly copy: Contents['units'][number];
  readonly identity: string;
}

async function copyUnits(dataDir: string, archive: Archive, database: string): Promise<Contents> {
  const copies = new Map<string, Copy>();
  let at = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await rm(database, { force: true });
    await copyDatabase(join(dataDir, MEMBERS.database), database);
    const { units, running } = recordsOf(database);
    const missing = await missingOf(dataDir, units, copies);
    if (missing.length === 0) {
      return { running: [...running], units: units.flatMap(({ path }) => copies.get(path)?.copy ?? []) };
    }
    for (const unit of missing) {
      const identity = await identityOf(dataDir, unit);
      if (identity === undefined) {
        // Gone since the records were copied: the next round's know. Or lost long ago: they never will.
        if (round === ROUNDS - 1) throw new OperatorError(`${join(dataDir, unit.path)} is not whole: the records speak of it, but ${unit.seal} is not there. Delete the ${unit.kind === 'version' ? 'version' : 'MicroVM'}, then back up`);
        continue;
      }
      const vmm = unit.kind === 'version' ? await vmmOf(dataDir, unit) : undefined;
      await archive.add(dataDir, [unit.path], `${MEMBERS.units}/${at}`);
      if ((await identityOf(dataDir, unit)) === identity) copies.set(unit.path, { identity, copy: { kind: unit.kind, path: unit.path, at, ...(vmm === undefined ? {} : { vmm }) } });
      at += 1;
    }
  }
  throw new OperatorError(`the MicroVMs and images in ${dataDir} came and went for as long as they were copied (${ROUNDS} rounds): try again at a quieter time, or stop the service`);
}

async function missingOf(dataDir: string, units: readonly Unit[], copies: ReadonlyMap<string, Copy>): Promise<Unit[]> {
  const identities = await Promise.all(units.map((unit) => identityOf(dataDir, unit)));
  return units.filter(({ path }, index) => copies.get(path) === undefined || copies.get(path)?.identity !== identities[index]);
}

/** Keys, settings, buckets, logs, and whatever else is beside images and MicroVMs. */
async function others(dataDir: string, assetsDir: string): Promise<string[]> {
  const assets = relative(dataDir, await realpath(assetsDir).catch(() => resolve(assetsDir)));
  return (await readdir(dataDir)).filter((name) => !LEFT_OUT.test(name) && name !== assets.split('/')[0]).sort();
}

/** The kernel shows encrypted files in the clear while their key is loaded: an archive of them would give them away. */
async function mustBePlain(dataDir: string): Promise<void> {
  const accounts = await readdir(join(dataDir, 'keys', 'accounts')).catch(() => []);
  if (accounts.length > 0) {
    throw new OperatorError(`${dataDir} holds encrypted images or MicroVMs (accounts ${accounts.map((name) => name.replace(/\.json$/, '')).join(', ')}): an archive would hold them in the clear. Copy the block device of the data folder while the service is stopped instead; see docs/encryption.md`);
  }
}
