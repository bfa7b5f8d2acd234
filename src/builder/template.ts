/** The builder's template: a machine with buildah warm in memory, launched anew for each build. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disk, Engine, Vm } from '../engine/contracts.js';
import { Fault } from '../errors/index.js';
import type { GuestAgent } from '../guest/contracts.js';
import { type LinkPool, NO_EGRESS } from '../network/contracts.js';
import { blankDisk, copySparse } from './disks.js';
import { BUILDER_DEVICES, WARM_SCRIPT } from './script.js';

export interface BuilderHost {
  readonly engine: Engine;
  readonly links: LinkPool;
  readonly agentFor: (vm: Vm) => GuestAgent;
}

/** What a build may use; its memory is given back when the build ends. */
const BUILDER_MEMORY_MIB = 2048;
const BOOT_LIMIT_MS = 180_000;

/**
 * Fills `dir` with the template. `disk` is the builder's root; the disks for output and cache are attached blank, so that
 * a build can attach its own in their place.
 */
export async function makeBuilderTemplate(host: BuilderHost, dir: string, disk: string, hostCpus: number): Promise<void> {
  const work = join(dir, 'work');
  const template = join(dir, 'template');
  await mkdir(work);
  await mkdir(template);
  const root: Disk = { path: join(dir, 'root.raw'), format: 'raw' };
  // It is written to as the template warms up; the asset stays as made.
  await copySparse(disk, root.path);
  const blanks = ['output.raw', 'cache.raw'].map((name): Disk => ({ path: join(dir, name), format: 'raw' }));
  for (const { path } of blanks) await blankDisk(path);
  const link = await host.links.acquire({ egress: NO_EGRESS });
  try {
    const vm = await host.engine.boot({
      id: 'builder-template',
      size: { memoryMiB: BUILDER_MEMORY_MIB, vcpus: Math.min(4, hostCpus) },
      disks: [root, ...blanks],
      link,
      dir: work,
    });
    try {
      const agent = host.agentFor(vm);
      await agent.waitUntilUp(AbortSignal.timeout(BOOT_LIMIT_MS));
      await agent.wake({ hostname: 'builder' });
      const warm = await agent.exec({ args: ['sh', '-c', WARM_SCRIPT], root: { kind: 'device', device: BUILDER_DEVICES.root } });
      if (warm.code !== 0) throw new Fault(`buildah does not work in the builder: exit code ${warm.code}`);
      await vm.snapshot(template);
    } finally {
      await vm.stop();
    }
  } finally {
    await link.release();
  }
}
