/** A folder as the zip CreateMicrovmImage takes: the same bytes for the same content, whenever and wherever it is made. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { parseDockerignore, type Ignore } from './dockerignore.js';

export interface Archive {
  readonly path: string;
  readonly bytes: number;
  /** hex */
  readonly sha256: string;
  /** Files in it; undefined: it was a zip already. */
  readonly files: number | undefined;
  /** Removes what was made for it. */
  release(): Promise<void>;
}

/** The second day a zip can hold, in the local time it is written in: times of files are not content. */
const mtime = (): Date => new Date(1980, 0, 2);
/** The x bits are content. */
const modeOf = (mode: number): number => ((mode & 0o111) === 0 ? 0o100644 : 0o100755);

/** A zip is taken as it is. Throws CliError for what is neither. */
export async function archiveOf(path: string, warn: (text: string) => void): Promise<Archive> {
  const info = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new CliError(EXIT.usage, `there is no ${path}`, ['name a folder with a Dockerfile, or a zip of its content']);
    throw error;
  });
  if (info.isDirectory()) return packFolder(path, warn);
  if (!info.isFile() || !(await beginsAsZip(path))) {
    throw new CliError(EXIT.usage, `${path} is neither a folder nor a zip`, ['name the folder with the Dockerfile itself, or zip its content: (cd my-app && zip -r ../my-app.zip .)']);
  }
  return { path, bytes: info.size, sha256: await digest(path), files: undefined, release: () => Promise.resolve() };
}

async function packFolder(folder: string, warn: (text: string) => void): Promise<Archive> {
  const root = await realpath(folder);
  const ignore = parseDockerignore(await readFile(join(root, '.dockerignore'), 'utf8').catch(emptyIfMissing));
  const found = await listFiles(root, ignore, warn);
  if (!found.some(({ name }) => name === 'Dockerfile')) {
    throw new CliError(EXIT.usage, `${folder} has no file named Dockerfile`, ['write one there, beginning with: FROM public.ecr.aws/lambda/microvms:al2023-minimal', 'or name the folder that has it']);
  }
  const zip = new ZipFile();
  const options = { mtime: mtime(), forceDosTimestamp: true };
  for (const { name, path, mode } of found) {
    if (name.endsWith('/')) zip.addEmptyDirectory(name, { ...options, mode: 0o40755 });
    else zip.addFile(path, name, { ...options, mode: modeOf(mode) });
  }
  zip.end();
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-zip-'));
  const release = (): Promise<void> => rm(dir, { recursive: true, force: true });
  try {
    const path = join(dir, 'context.zip');
    await pipeline(zip.outputStream, createWriteStream(path, { mode: 0o600 }));
    return { path, bytes: (await stat(path)).size, sha256: await digest(path), files: found.filter(({ name }) => !name.endsWith('/')).length, release };
  } catch (error) {
    await release();
    throw error;
  }
}

interface Member {
  /** With `/`; a folder's ends with one. */
  readonly name: string;
  readonly path: string;
  readonly mode: number;
}

/** Sorted by name in code units. A link is followed while it stays inside; empty folders are kept. */
async function listFiles(root: string, ignore: Ignore, warn: (text: string) => void, below = ''): Promise<Member[]> {
  const members: Member[] = [];
  for (const child of (await readdir(join(root, below))).sort()) {
    const name = below === '' ? child : `${below}/${child}`;
    const excluded = ignore.excludes(name);
    if (excluded && !ignore.hasExceptions) continue;
    const path = join(root, name);
    const real = await realpath(path).catch(() => undefined);
    const info = real === undefined ? undefined : await stat(real);
    const inside = real?.startsWith(`${root}${sep}`) === true;
    const circular = real !== undefined && path.startsWith(`${real}${sep}`);
    if (info?.isDirectory() === true && inside && !circular) {
      const content = await listFiles(root, ignore, warn, name);
      members.push(...(content.length === 0 && !excluded ? [{ name: `${name}/`, path, mode: 0 }] : content));
    } else if (excluded) continue;
    else if (info?.isFile() === true && inside) members.push({ name, path, mode: info.mode });
    else warn(`${name}: left out, as it is ${inside ? 'neither a file nor a folder' : 'a link that leads nowhere or out of the folder'}`);
  }
  return members;
}

async function beginsAsZip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString('latin1').startsWith('PK');
  } finally {
    await file.close();
  }
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function emptyIfMissing(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
  throw error;
}
