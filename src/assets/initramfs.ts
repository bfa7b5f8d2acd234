/** The initramfs: the agent as /init and the kernel modules it loads, in load order. Uncompressed, as that is fastest. */
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Progress } from './contracts.js';
import { goBuild, goSources } from './go.js';
import type { KernelTree } from './kernel.js';
import { run } from './shell.js';
import { digestOf, ensureAsset } from './store.js';

/** Top modules; modules.dep adds what each needs, before it. */
const MODULES = ['virtio_mmio', 'virtio_blk', 'virtio_net', 'virtio_rng', 'overlay', 'fuse'];

/** Builds the agent (static, reproducible) and packs it. `agentDir`: the Go module. */
export async function ensureInitramfs(assetsDir: string, agentDir: string, kernel: KernelTree, progress: Progress): Promise<string> {
  const digest = digestOf(kernel.root, MODULES.join(), ...(await goSources(agentDir)), 'layout-1');
  const dir = await ensureAsset(assetsDir, 'initramfs', digest, (target) =>
    progress.step('guest agent and initramfs: build', () => build(target, agentDir, kernel)),
  );
  return join(dir, 'initramfs.img');
}

async function build(target: string, agentDir: string, kernel: KernelTree): Promise<void> {
  const root = join(target, 'root');
  await mkdir(join(root, 'modules'), { recursive: true });
  for (const name of ['dev', 'proc', 'sys', 'run', 'tmp', 'etc']) await mkdir(join(root, name));
  await goBuild(agentDir, join(root, 'init'));
  const order: string[] = [];
  for (const module of MODULES) {
    const listing = await run('modprobe', ['-d', kernel.root, '-S', kernel.version, '--show-depends', module]);
    for (const match of listing.matchAll(/^insmod (\S+)/gm)) {
      const path = match[1] ?? '';
      const name = basename(path).replace(/\.(xz|zst|gz)$/, '');
      if (order.includes(name)) continue;
      order.push(name);
      if (path.endsWith('.ko')) await copyFile(path, join(root, 'modules', name));
      else await run('sh', ['-c', 'case "$1" in *.xz) xz -dc "$1";; *.zst) zstd -dc "$1";; *) gzip -dc "$1";; esac >"$2"', 'sh', path, join(root, 'modules', name)]);
    }
  }
  await writeFile(join(root, 'modules', 'order'), `${order.join('\n')}\n`);
  // A device node for the console: the kernel opens it before the agent mounts /dev.
  const image = join(target, 'initramfs.img');
  await run('sh', ['-ec', 'cd "$1"; mknod -m 600 dev/console c 5 1; find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc >"$2"', 'sh', root, image]);
  await rm(root, { recursive: true });
}
