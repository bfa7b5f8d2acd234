/** The guest kernel: Debian's cloud kernel, taken out of its package without installing it on the host. */
import { copyFile, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../errors/index.js';
import { run } from './shell.js';
import { digestOf, ensureAsset } from './store.js';
import type { Progress } from './contracts.js';

export interface KernelTree {
  readonly version: string; // e.g. 6.1.0-56-cloud-amd64
  readonly image: string;
  /** Has lib/modules/<version> with modules.dep. */
  readonly root: string;
}

const META_PACKAGE = { x64: 'linux-image-cloud-amd64', arm64: 'linux-image-cloud-arm64' } as const;

export async function ensureKernel(assetsDir: string, progress: Progress): Promise<KernelTree> {
  const meta = META_PACKAGE[process.arch as keyof typeof META_PACKAGE];
  const depends = await run('apt-cache', ['depends', '--important', meta]);
  const packageName = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (packageName === undefined) throw new OperatorError(`apt knows no package ${meta}: run "apt-get update"`);
  const candidate = /Candidate: (\S+)/.exec(await run('apt-cache', ['policy', packageName]))?.[1] ?? '';
  const version = packageName.replace('linux-image-', '');
  const root = await ensureAsset(assetsDir, 'kernel', digestOf(packageName, candidate, 'layout-1'), (dir) =>
    progress.step(`guest kernel ${version}: download and unpack`, () => unpackKernel(dir, packageName, version)),
  );
  return { version, image: join(root, 'vmlinux'), root };
}

async function unpackKernel(dir: string, packageName: string, version: string): Promise<void> {
  const work = join(dir, 'work');
  await mkdir(work);
  // As root, apt would hand the download to a user who cannot write here.
  await run('apt-get', ['download', '-o', 'APT::Sandbox::User=root', packageName], { cwd: work });
  const deb = (await readdir(work)).find((name) => name.endsWith('.deb'));
  if (deb === undefined) throw new OperatorError(`apt downloaded no package for ${packageName}`);
  await run('dpkg-deb', ['-x', join(work, deb), work]);
  await run('cp', ['-a', join(work, 'lib'), join(dir, 'lib')]);
  await run('depmod', ['-b', dir, version]);
  await extractImage(join(work, 'boot', `vmlinuz-${version}`), join(dir, 'vmlinux'));
  await rm(work, { recursive: true });
}

/** Compressed payloads a bzImage can hold: magic and the program that unpacks it. */
const PAYLOADS = [
  { magic: Buffer.from([0x02, 0x21, 0x4c, 0x18]), program: 'lz4', args: ['-d', '-c'] }, // legacy frame, as the kernel uses
  { magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), program: 'zstd', args: ['-d', '-c'] },
  { magic: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]), program: 'xz', args: ['-d', '-c', '--single-stream'] },
  { magic: Buffer.from([0x1f, 0x8b, 0x08]), program: 'gzip', args: ['-d', '-c'] },
];

/** x86: the ELF inside the bzImage. arm64: the package's image is uncompressed already. */
async function extractImage(vmlinuz: string, target: string): Promise<void> {
  const image = await readFile(vmlinuz);
  if (process.arch === 'arm64' && image.subarray(56, 60).toString('latin1') === 'ARMd') return copyFile(vmlinuz, target);
  for (const payload of PAYLOADS) {
    for (let at = image.indexOf(payload.magic); at >= 0; at = image.indexOf(payload.magic, at + 1)) {
      const packed = `${target}.packed`;
      await writeFile(packed, image.subarray(at));
      // What follows the payload makes the program complain after it has written everything.
      const script = `${payload.program} ${payload.args.join(' ')} <"$1" >"$2" 2>/dev/null || true`;
      await run('sh', ['-c', script, 'sh', packed, target]);
      await rm(packed);
      if (await isKernel(target)) return;
    }
  }
  throw new OperatorError(`${vmlinuz}: no kernel found inside; is it a Debian kernel image?`);
}

async function isKernel(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
    const head = buffer.subarray(0, bytesRead);
    return head.subarray(0, 4).toString('latin1') === '\x7fELF' || head.subarray(56, 60).toString('latin1') === 'ARMd';
  } finally {
    await file.close();
  }
}
