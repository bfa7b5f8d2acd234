/**
 * The managed container base and the builder's root disk, from Debian packages.
 *
 * The base is imported into the builder's image store on the host: our own packages, and fifteen times faster than
 * under emulation. Everything a tenant supplies is built inside the builder microVM.
 */
import { mkdir, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../errors/index.js';
import { GUEST_NET } from '../network/contracts.js';
import type { Progress } from './contracts.js';
import { run } from './shell.js';
import { digestOf, ensureAsset } from './store.js';

const SUITE = 'bookworm';
const BASE_PACKAGES = ['ca-certificates', 'gunicorn', 'python3', 'python3-flask'];
const BUILDER_PACKAGES = ['attr', 'buildah', 'ca-certificates', 'e2fsprogs', 'netbase'];

/** Names a Dockerfile's FROM may use for the managed base, without any registry. */
export const BASE_NAMES = [
  'localhost/tardigrade/base:12',
  'docker.io/tardigrade/base:12',
  'public.ecr.aws/lambda/microvms:al2023-minimal',
  'public.ecr.aws/lambda/microvms:latest',
];

/** Room for the image store and a build's layers; sparse. */
const BUILDER_DISK_GIB = 24;

const LEAN = [
  '--variant=minbase',
  '--aptopt=Acquire::Languages "none"',
  ...['man', 'info', 'locale', 'doc'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
  '--dpkgopt=path-include=/usr/share/doc/*/copyright',
];

/** Of the base's own disk, which grows with the image's; sparse. */
const BASE_DISK_GIB = 1;

export interface BuilderDisks {
  /** The builder's root. */
  readonly root: string;
  /** The managed base, as it is in the builder's image store. */
  readonly base: string;
}

/** Both as ext4 images. */
export async function ensureBuilderDisks(assetsDir: string, progress: Progress): Promise<BuilderDisks> {
  const digest = digestOf(SUITE, BASE_PACKAGES.join(), BUILDER_PACKAGES.join(), BASE_NAMES.join(), LEAN.join(), CONFIG, 'layout-3');
  const dir = await ensureAsset(assetsDir, 'builder', digest, async (target) => {
    const root = join(target, 'root');
    const base = join(target, 'base.tar');
    await progress.step('managed container base (Debian 12 with Python and Flask): install packages', () =>
      run('mmdebstrap', [...LEAN, `--include=${BASE_PACKAGES.join()}`, SUITE, base]));
    await progress.step('builder (Debian 12 with buildah): install packages', () =>
      run('mmdebstrap', [...LEAN, `--include=${BUILDER_PACKAGES.join()}`, SUITE, root]));
    await progress.step('builder: import the managed base and make the disks', async () => {
      await importBase(root, base, join(target, 'runroot'));
      await configureBuilder(root);
      await makeDisk(await baseLayer(root), BASE_DISK_GIB, join(target, 'base.raw'));
      await makeDisk(root, BUILDER_DISK_GIB, join(target, 'disk.raw'));
    });
    await Promise.all([root, base, join(target, 'runroot')].map((path) => rm(path, { recursive: true, force: true })));
  });
  return { root: join(dir, 'disk.raw'), base: join(dir, 'base.raw') };
}

async function makeDisk(from: string, gib: number, path: string): Promise<void> {
  await writeFile(path, '');
  await truncate(path, gib * 1024 ** 3);
  await run('mkfs.ext4', ['-q', '-F', '-O', '^has_journal', '-m', '0', '-E', 'lazy_itable_init=1', '-d', from, path]);
}

async function importBase(root: string, tarball: string, runroot: string): Promise<void> {
  const store = ['--root', join(root, 'var/lib/containers/storage'), '--runroot', runroot, '--storage-driver', 'overlay'];
  const container = (await run('buildah', [...store, 'from', 'scratch'])).trim();
  await run('buildah', [...store, 'add', '-q', container, tarball, '/']);
  await run('buildah', [...store, 'config', '--cmd', '["/bin/bash"]', '--env', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', container]);
  await run('buildah', [...store, 'commit', '-q', '--rm', container, BASE_NAMES[0] ?? '']);
  await run('buildah', [...store, 'tag', BASE_NAMES[0] ?? '', ...BASE_NAMES.slice(1)]);
}

/** Files of the one layer in the image store. */
async function baseLayer(root: string): Promise<string> {
  const store = join(root, 'var/lib/containers/storage/overlay');
  const [layer, ...others] = (await readdir(store)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  if (layer === undefined || others.length > 0) throw new Fault(`the managed base has ${others.length + (layer === undefined ? 0 : 1)} layers in ${store}, not one`);
  return join(store, layer, 'diff');
}

/** Short names mean Docker Hub, as Docker users expect; nothing is verified by signature policy beyond TLS. */
const CONFIG = JSON.stringify({
  'etc/containers/registries.conf': 'unqualified-search-registries = ["docker.io"]\n',
  'etc/containers/policy.json': '{"default":[{"type":"insecureAcceptAnything"}]}\n',
  'etc/containers/storage.conf': '[storage]\ndriver = "overlay"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n',
  'etc/resolv.conf': `nameserver ${GUEST_NET.gatewayIp}\n`,
  'etc/hosts': '127.0.0.1 localhost\n',
});

async function configureBuilder(root: string): Promise<void> {
  for (const [name, content] of Object.entries(JSON.parse(CONFIG) as Record<string, string>)) {
    const path = join(root, name);
    await mkdir(join(path, '..'), { recursive: true });
    await rm(path, { force: true });
    await writeFile(path, content);
  }
  for (const name of ['context', 'out']) await mkdir(join(root, name), { recursive: true });
  await rm(join(root, 'etc/mtab'), { force: true });
  await symlink('/proc/self/mounts', join(root, 'etc/mtab'));
}
