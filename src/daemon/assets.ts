/** Makes or finds everything a daemon needs on this host before it can serve; each part once per content. */
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Progress } from '../assets/contracts.js';
import { ensureBuilderDisks } from '../assets/base.js';
import { isBuilt } from '../assets/go.js';
import { ensureInitramfs } from '../assets/initramfs.js';
import { ensureLauncher, ensureVmmTree } from '../assets/jail.js';
import { ensureKernel } from '../assets/kernel.js';
import { digestOf, ensureAsset } from '../assets/store.js';
import type { BuilderFiles } from '../builder/builder.js';
import { makeBuilderTemplate } from '../builder/template.js';
import type { BuilderHost } from '../builder/template.js';
import { WARM_SCRIPT } from '../builder/script.js';
import type { Config } from '../config/config.js';
import { hostCpuDigest, hostTscKhz } from '../engine/qemu/host.js';
import type { EngineInfo } from '../engine/contracts.js';
import { type Jail, requireJail } from '../engine/qemu/jail.js';
import { hostArchitecture, machineFor } from '../engine/qemu/machine.js';
import { probeHost } from '../engine/qemu/probe.js';

/** The Go module of the guest agent, in the repository's root. */
const AGENT_DIR = fileURLToPath(new URL('../../guest/agent', import.meta.url));

/** That of the program which makes a VMM's jail. */
const JAIL_DIR = fileURLToPath(new URL('../../host/jail', import.meta.url));

export async function goProgramsBuilt(): Promise<boolean> {
  return (await Promise.all([AGENT_DIR, JAIL_DIR].map(isBuilt))).every(Boolean);
}

export interface GuestAssets {
  readonly kernel: string;
  readonly initramfs: string;
  readonly info: EngineInfo;
  readonly tscKhz: number | undefined;
  readonly jail: Jail;
}

export async function ensureGuest(config: Config, progress: Progress): Promise<GuestAssets> {
  await mkdir(config.assetsDir, { recursive: true });
  const kernel = await ensureKernel(config.assetsDir, progress);
  const initramfs = await ensureInitramfs(config.assetsDir, AGENT_DIR, kernel, progress);
  const launcher = await ensureLauncher(config.assetsDir, JAIL_DIR, progress);
  const jail = { launcher, ...(await ensureVmmTree(config.assetsDir, machineFor(hostArchitecture(), 'tcg').program, progress)), ids: config.vmmIds };
  await requireJail(jail);
  const info = await progress.step('accelerator: look for a working KVM', () =>
    probeHost({ wanted: config.accelerator, kernel: kernel.image, initramfs, jail, cacheFile: join(config.assetsDir, 'kvm-probe.json') }));
  return { kernel: kernel.image, initramfs, info, jail, tscKhz: await hostTscKhz() };
}

/** The template fits one VMM, accelerator and guest only, so those are in its folder's name. */
export async function ensureBuilder(config: Config, guest: GuestAssets, host: BuilderHost, progress: Progress): Promise<BuilderFiles> {
  const { root, base } = await ensureBuilderDisks(config.assetsDir, progress);
  const { vmm, accelerator, architecture } = guest.info;
  const digest = digestOf(basename(dirname(root)), basename(dirname(guest.initramfs)), basename(dirname(guest.kernel)), vmm, accelerator, architecture, await hostCpuDigest(), WARM_SCRIPT, 'layout-3');
  const dir = await ensureAsset(config.assetsDir, 'template', digest, (target) =>
    progress.step('builder: boot and snapshot', () => makeBuilderTemplate(host, target, root, availableParallelism())));
  return { template: join(dir, 'template'), base };
}
