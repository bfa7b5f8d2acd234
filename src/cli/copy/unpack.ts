/**
 * Writes a tar of the guest to this host. The guest may be hostile: nothing is written outside the target, through a
 * link, or with more permissions than rwx.
 *
 * - A member's name must begin with the root that was asked for, have no part that leads elsewhere, and come after
 *   its folder; each folder was looked at, without following a link, before anything is written into it.
 * - Files are made anew: what stood there is unlinked, not written into.
 * - Links are made as they are and never followed. Setuid, setgid and sticky bits are dropped.
 */
import { constants } from 'node:fs';
import { chmod, lutimes, mkdir, open, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ownStats, placeFor } from './place.js';
import { readTar, type TarMember } from './tar-reader.js';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/** `root`: what the archive must call what was asked for. Throws an Error that names the member. */
export async function unpack(archive: AsyncIterable<Buffer>, path: string, root: string): Promise<void> {
  let target: string | undefined;
  /** By member name. Their modes and times come last: content changes them, or could not be written. */
  const folders = new Map<string, { readonly path: string; readonly member: TarMember }>();
  for await (const member of readTar(archive)) {
    const parts = partsBelow(member.name, root);
    if (target === undefined) {
      if (parts.length > 0) throw new Error(`the archive begins with ${quoted(member.name)}, not with what was asked for`);
      target = await placeFor(path, root, member.type === 'folder');
    } else if (!folders.has(parts.slice(0, -1).join('/')) || parts.length === 0) {
      throw new Error(`the archive holds ${quoted(member.name)} without its folder`);
    }
    const place = join(target, ...parts);
    // What the person named may be a link to a folder; what the guest names may not.
    const named = parts.length === 0 && root === '.';
    if (member.type === 'folder') {
      if (!named || (await ownStats(place)) === undefined) await makeFolder(place);
      folders.set(parts.join('/'), { path: place, member });
    } else {
      await makeWay(place);
      if (member.type === 'link') await symlink(member.target, place);
      else await writeFile(place, member);
    }
  }
  if (target === undefined) throw new Error('the archive is empty');
  for (const { path: folder, member } of [...folders.values()].reverse()) {
    await chmod(folder, member.mode & 0o777);
    await lutimes(folder, member.modified, member.modified);
  }
}

/** The name's parts below the root. */
function partsBelow(name: string, root: string): string[] {
  const [first, ...parts] = name.split('/');
  if (first !== root || parts.some((part) => part === '' || part === '.' || part === '..') || name.includes('\0')) {
    throw new Error(`the archive holds ${quoted(name)}, which is not below ${quoted(root)}`);
  }
  return parts;
}

async function makeFolder(place: string): Promise<void> {
  const there = await ownStats(place);
  if (there === undefined) return mkdir(place, 0o700);
  if (!there.isDirectory()) throw new Error(`${quoted(place)} is there and no folder, or a link to one: a folder is not copied over it`);
}

async function makeWay(place: string): Promise<void> {
  const there = await ownStats(place);
  if (there === undefined) return;
  if (there.isDirectory()) throw new Error(`${quoted(place)} is a folder: what is none is not copied over it`);
  await unlink(place);
}

async function writeFile(place: string, { content, mode, modified }: TarMember): Promise<void> {
  const file = await open(place, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    for await (const chunk of content) await file.writeFile(chunk);
    await file.chmod(mode & 0o777);
    await file.utimes(modified, modified);
  } finally {
    await file.close();
  }
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
