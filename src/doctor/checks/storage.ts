/** Where records, keys, images and MicroVMs are kept. */
import type { Check, Disk, Verdict } from '../contracts.js';
import { check, gib, ok } from '../check.js';

const GIB = 1024 ** 3;
/** Kernel, base, builder and its template take about 3 GiB, an image 1 to 2 GiB. */
const LEAST_BYTES = { data: 2 * GIB, assets: 4 * GIB };
const COMFORTABLE_BYTES = 10 * GIB;
const LEAST_INODES = 20_000;

const VOLATILE = new Set(['tmpfs', 'ramfs']);
const REMOTE = new Set(['nfs', 'nfs4', 'cifs', 'smb3', '9p', 'fuse.sshfs', 'ceph', 'glusterfs', 'fuse.glusterfs']);
/** What tests and users have run on. */
const LOCAL = new Set(['ext4', 'xfs', 'btrfs']);

export const STORAGE: readonly Check[] = [
  check('disk', 'disks', (disks) => disks.map(space)),

  check('file-system', 'disks', (disks) => disks.map(fileSystem)),

  check('data-folder', 'dataFolder', ({ path, exists, open, foreign }) => {
    if (!exists) return ok(`${path} is made at the first start`);
    const verdicts: Verdict[] = [];
    if (open.length > 0) {
      verdicts.push({
        level: 'warning',
        seen: `others than the owner may use ${some(open)}`,
        why: 'disks and memory of guests hold what tenants keep secret',
        fix: `chmod go-rwx ${open.map(quote).join(' ')}`,
      });
    }
    if (foreign.length > 0) {
      verdicts.push({
        level: 'warning',
        seen: `of another user: ${some(foreign)}`,
        why: 'that user can replace records, keys and images',
        fix: `chown root:root ${foreign.map(quote).join(' ')}`,
      });
    }
    return verdicts.length === 0 ? ok(`${path} is its owner's alone`) : verdicts;
  }),

  check('encryption', 'encryption', ({ wanted, fileSystem: kind, kernel }) => {
    if (!wanted) return { level: 'note', seen: 'images and MicroVMs are not encrypted on disk', why: 'whoever gets the disk or a backup reads guests\' memory, unless the disk itself is encrypted', fix: 'set TARDIGRADE_ENCRYPTION=1 (docs/encryption.md)' };
    const why = 'the start is refused: TARDIGRADE_ENCRYPTION is 1';
    if (kind !== 'ext4' && kind !== 'f2fs') return { level: 'error', seen: `the data folder is on ${kind}, which cannot encrypt folders`, why, fix: 'set TARDIGRADE_DATA_DIR to a folder on ext4 or f2fs' };
    if (kind === 'ext4' && !kernel) return { level: 'error', seen: 'the kernel has no encryption for ext4', why, fix: 'use a kernel with CONFIG_FS_ENCRYPTION, as Debian\'s' };
    return ok(`images and MicroVMs made from now on are encrypted (${kind})`);
  }),

  check('vmm-ids', 'vmmIds', ({ first, count, taken }) => {
    const range = `${first}-${first + count - 1}`;
    if (taken.length === 0) return ok(`user ids ${range} are used by nobody else`);
    return {
      level: 'warning',
      seen: `user ids ${range} are also those of ${some(taken)}`,
      why: 'each VMM runs as a user of that range: what else does can touch it, and the other way round',
      fix: 'set TARDIGRADE_VMM_IDS to a range that is free in /etc/passwd, /etc/group, /etc/subuid and /etc/subgid',
    };
  }),
];

function space({ use, path, freeBytes, inodes, freeInodes }: Disk): Verdict {
  const seen = `${gib(freeBytes)} free for ${use} in ${path}`;
  const fix = `df -h ${path}; free some, or set ${use === 'data' ? 'TARDIGRADE_DATA_DIR' : 'TARDIGRADE_ASSETS_DIR'} to a larger file system`;
  if (inodes > 0 && freeInodes < LEAST_INODES) return { level: 'warning', seen: `${freeInodes} inodes free in ${path}`, why: 'builds unpack file trees of some ten thousand files', fix };
  if (freeBytes < LEAST_BYTES[use]) return { level: 'error', seen, why: 'a build or a suspend fails when the disk is full', fix };
  if (freeBytes < COMFORTABLE_BYTES) return { level: 'warning', seen, why: 'each image takes 1 to 2 GiB, each suspended MicroVM what it dirtied', fix };
  return ok(seen);
}

function fileSystem({ use, path, fileSystem: kind }: Disk): Verdict {
  const setting = use === 'data' ? 'TARDIGRADE_DATA_DIR' : 'TARDIGRADE_ASSETS_DIR';
  const fix = `set ${setting} to a folder on ext4, xfs or btrfs`;
  if (VOLATILE.has(kind)) return { level: 'warning', seen: `${path} is on ${kind}`, why: 'what is kept there ends with the host, and takes its memory', fix };
  if (REMOTE.has(kind)) return { level: 'warning', seen: `${path} is on ${kind}`, why: 'guests map their memory from there: each page is a request, and locks may not hold', fix };
  if (!LOCAL.has(kind)) return { level: 'note', seen: `${path} is on ${kind}`, why: 'ext4, xfs and btrfs are known to work', fix };
  return ok(`${path} is on ${kind}`);
}

function some(paths: readonly string[]): string {
  const shown = paths.slice(0, 5).join(', ');
  return paths.length <= 5 ? shown : `${shown} and ${paths.length - 5} more`;
}

const quote = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);
