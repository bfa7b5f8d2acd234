/** A file or folder of this host as a tar. */
import { createReadStream, type Stats } from 'node:fs';
import { lstat, readdir, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack as createPack, type Pack } from 'tar-stream';
import { rootName } from './place.js';

/**
 * Names begin with rootName(path). A link in place of the path itself is followed, others stay links; what is neither
 * file, folder nor link is left out with a word to `warn`. An error arrives as the stream's.
 */
export function pack(path: string, warn: (text: string) => void): Readable {
  const out = new PassThrough();
  const tar = createPack();
  // A failure of either side is out's error already; pipeline's promise repeats it.
  pipeline(tar, out).catch(() => undefined);
  const write = async (): Promise<void> => {
    await writeMember(tar, await realpath(path), rootName(path), warn);
    tar.finalize();
  };
  write().catch((error: unknown) => out.destroy(error as Error));
  return out;
}

async function writeMember(out: Pack, path: string, name: string, warn: (text: string) => void): Promise<void> {
  const info = await lstat(path);
  const header = { name, mode: info.mode & 0o7777, mtime: info.mtime, uid: 0, gid: 0 };
  if (info.isDirectory()) {
    out.entry({ ...header, name: `${name}/`, type: 'directory' });
    for (const child of (await readdir(path)).sort()) await writeMember(out, join(path, child), `${name}/${child}`, warn);
  } else if (info.isSymbolicLink()) {
    out.entry({ ...header, type: 'symlink', linkname: await readlink(path) });
  } else if (info.isFile()) {
    await pipeline(content(path, info), out.entry({ ...header, type: 'file', size: info.size }));
  } else {
    warn(`${path}: left out, as it is neither a file nor a folder nor a link`);
  }
}

/** What is appended meanwhile is left out. */
function content(path: string, { size }: Stats): Readable | Buffer[] {
  return size === 0 ? [] : createReadStream(path, { end: size - 1 });
}
