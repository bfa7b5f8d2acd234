/** Takes over a VMM that an earlier daemon started: nothing but the process, its namespace and its folder is needed. */
import { join } from 'node:path';
import type { Adopted, AdoptSpec, Disk } from '../contracts.js';
import { topLayers } from '../snapshot/layers.js';
import { FILES, readManifest } from '../snapshot/manifest.js';
import { dropPending, isSuspended } from '../snapshot/suspension.js';
import { within } from './confine.js';
import { adoptVmm } from './process.js';
import { QmpClient } from './qmp.js';
import { consoleLogOf, type Context, controlSocketOf, vmmLogOf } from './start.js';
import { endVmm, netnsOf, type Vmm } from './survivors.js';
import { QemuVm } from './vm.js';

/** A VMM that serves its control socket answers at once, unless the host is overloaded. */
const ANSWER_LIMIT_MS = 15_000;

export async function adoptVm(context: Context, spec: AdoptSpec, vmm: Vmm): Promise<Adopted | undefined> {
  try {
    return await takeOver(context, spec, vmm);
  } catch (error) {
    context.log('a VMM of an earlier daemon could not be taken over', error);
    await endVmm(vmm);
    return undefined;
  }
}

async function takeOver(context: Context, spec: AdoptSpec, vmm: Vmm): Promise<Adopted | undefined> {
  const { id, dir, template } = spec;
  const controlSocket = controlSocketOf(context.runDir, id);
  const { pid, launcher } = vmm;
  if (pid === undefined) {
    await endVmm(vmm);
    return undefined;
  }
  const netns = await netnsOf(launcher);
  const link = netns === undefined ? undefined : spec.linkAt(netns);
  const qmp = await QmpClient.connect(controlSocket, AbortSignal.timeout(ANSWER_LIMIT_MS));
  const { status, running } = await qmp.command('query-status');
  // Not loaded yet, or stopped with everything on disk: what there is of it is in its folder.
  if (link === undefined || status === 'inmigrate' || (!running && (await isSuspended(dir)))) {
    qmp.close();
    await endVmm(vmm);
    return undefined;
  }
  const manifest = await readManifest(template);
  const disks = (await topLayers(dir)).map((path): Disk => ({ path, format: 'qcow2' }));
  for (const { device } of await qmp.command('query-block-jobs')) await qmp.command('block-job-cancel', { device });
  await dropPending(dir);
  const adopted = await adoptVmm({ pid, launcher }, vmmLogOf(dir), qmp.closed);
  const process = context.cgroups === undefined ? adopted : within(context.cgroups.find(id), adopted);
  const vm = new QemuVm({
    id, dir, process, qmp, controlSocket, disks,
    consoleLog: consoleLogOf(dir),
    host: link.host,
    size: manifest.size,
    pin: manifest.machine,
    observe: context.observe,
    log: context.log,
    ram: { kind: 'clone', path: join(template, FILES.ram), templateDigest: manifest.deviceState.sha256 },
  });
  // Last, as a guest that waits for room on the disk may stop again at once, which the VM must hear.
  if (!running) await qmp.command('cont');
  return { link, vm };
}
