/** Puts a backup into an empty data folder: all of it, checked, or nothing. */
import { access, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { OperatorError } from '../errors/index.js';
import { extract, readFirst } from './archive.js';
import { type Contents, contentsSchema, type Header, headerSchema, MEMBERS, type Places } from './contracts.js';
import { recordsOf } from './units.js';

export interface Restored extends Contents {
  readonly createdAt: string;
}

/** `encrypted`: is new data to be? `lock`: as the daemon takes it. Throws OperatorError; the folder is as empty as before then. */
export async function restore(places: Places, file: string, { encrypted, lock }: { readonly encrypted: boolean; readonly lock: (dataDir: string) => () => void }): Promise<Restored> {
  if (encrypted) throw new OperatorError('TARDIGRADE_ENCRYPTION=1, but what a backup holds would lie in the data folder unencrypted: restore with TARDIGRADE_ENCRYPTION=0, then build images and run MicroVMs anew with 1');
  const header = await headerOf(file);
  await mkdir(places.dataDir, { recursive: true, mode: 0o700 });
  const dataDir = await realpath(places.dataDir);
  if (header.dataDir !== dataDir) {
    throw new OperatorError(`${file} is of the data folder ${header.dataDir}, not of ${dataDir}: disks of suspended MicroVMs name each other by their paths. Set TARDIGRADE_DATA_DIR=${header.dataDir}, by a bind mount if the space is elsewhere`);
  }
  const release = lock(dataDir);
  try {
    await mustBeEmpty(dataDir, places.assetsDir);
    const staging = await mkdtemp(join(dataDir, '.restore-'));
    try {
      await extract(file, staging);
      const contents = await checked(staging, file);
      // Records last: without them a folder that is half-way there cannot be taken for a whole one.
      for (const name of (await readdir(staging)).filter((entry) => entry !== MEMBERS.database)) await rename(join(staging, name), join(dataDir, name));
      await rename(join(staging, MEMBERS.database), join(dataDir, MEMBERS.database));
      return { createdAt: header.createdAt, ...contents };
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  } finally {
    release();
  }
}

async function headerOf(file: string): Promise<Header> {
  await access(file).catch(() => {
    throw new OperatorError(`there is no backup ${file}`);
  });
  const parsed = headerSchema.safeParse(parseJson(await readFirst(file, MEMBERS.header)));
  if (!parsed.success) throw new OperatorError(`${file} is no backup that this version of the program can read (${parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')})`);
  return parsed.data;
}

async function mustBeEmpty(dataDir: string, assetsDir: string): Promise<void> {
  const assets = relative(dataDir, assetsDir).split('/')[0] ?? '';
  const there = (await readdir(dataDir)).filter((name) => name !== assets && !/^(lock|lost\+found$|assets$)/.test(name));
  if (there.length > 0) throw new OperatorError(`the data folder ${dataDir} is not empty (${there.slice(0, 5).join(', ')}${there.length > 5 ? ', …' : ''}): move what is in it away first`);
}

/** Puts the units in their places, and answers what there is. */
async function checked(staging: string, file: string): Promise<Contents> {
  const contents = contentsSchema.parse(JSON.parse(await readFile(join(staging, MEMBERS.contents), 'utf8')));
  for (const { path, at } of contents.units) {
    await mkdir(dirname(join(staging, path)), { recursive: true, mode: 0o700 });
    await rename(join(staging, MEMBERS.units, String(at), path), join(staging, path));
  }
  const wanted = recordsOf(join(staging, MEMBERS.database)).units;
  const missing = (await Promise.all(wanted.map(async ({ path, seal }) => ((await there(join(staging, seal))) ? [] : [path])))).flat();
  if (missing.length > 0) throw new OperatorError(`${file} is not whole: it lacks ${missing.join(', ')}. Take another backup`);
  await Promise.all([MEMBERS.header, MEMBERS.contents, MEMBERS.units, MEMBERS.digest].map((name) => rm(join(staging, name), { recursive: true, force: true })));
  return contents;
}

const there = (path: string): Promise<boolean> => access(path).then(() => true, () => false);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
