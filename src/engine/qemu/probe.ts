/**
 * Which accelerator works here. /dev/kvm can exist and still not run an ordinary guest kernel (nested or filtered
 * virtualisation: the guest hangs or dies), so a tiny guest is booted once, with a time limit. The answer is cached
 * under what it depends on: host kernel, boot, VMM, guest kernel and CPU.
 */
import { createHash } from 'node:crypto';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { messageOf, OperatorError } from '../../errors/index.js';
import type { EngineInfo } from '../contracts.js';
import { JAILED, qemuArguments, RAM_PATH } from './commandline.js';
import { hostCpuDigest, vmmVersion } from './host.js';
import { type Jail, largestFile, machineFiles } from './jail.js';
import { vmLimits } from './limits.js';
import { hostArchitecture, machineFor } from './machine.js';
import { startVmm } from './process.js';

export interface ProbeOptions {
  readonly wanted: 'auto' | 'kvm' | 'tcg';
  readonly kernel: string;
  readonly initramfs: string;
  readonly cacheFile: string;
  readonly jail: Jail;
}

/** A guest that works says so within 2 s, even nested; one that does not may never end. */
const PROBE_LIMIT_MS = 15_000;
const PROBE_OK = 'tardigrade-probe: ok';

const cacheSchema = z.object({ key: z.string(), works: z.boolean(), reason: z.string() });

/** Throws OperatorError when KVM was demanded and does not work, or the VMM is missing. */
export async function probeHost(options: ProbeOptions): Promise<EngineInfo> {
  const architecture = hostArchitecture();
  const vmm = await vmmVersion(machineFor(architecture, 'tcg').program);
  if (options.wanted === 'tcg') return { vmm, architecture, accelerator: 'tcg', reason: 'TCG (software emulation) was asked for' };
  const kvm = await probeKvm(options, architecture, vmm);
  if (kvm.works) return { vmm, architecture, accelerator: 'kvm', reason: kvm.reason };
  if (options.wanted === 'kvm') throw new OperatorError(`KVM was asked for (TARDIGRADE_ACCELERATOR=kvm) but ${kvm.reason}`);
  return { vmm, architecture, accelerator: 'tcg', reason: `TCG (software emulation), because ${kvm.reason}` };
}

async function probeKvm(options: ProbeOptions, architecture: EngineInfo['architecture'], vmm: string): Promise<{ works: boolean; reason: string }> {
  try {
    await access('/dev/kvm');
  } catch {
    return { works: false, reason: 'there is no /dev/kvm' };
  }
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  const key = createHash('sha256').update([release(), bootId, vmm, options.kernel, await hostCpuDigest()].join('\n')).digest('hex');
  const cached = await readCache(options.cacheFile);
  if (cached?.key === key) return cached;
  const answer = await bootTinyGuest(options, architecture);
  await writeFile(options.cacheFile, JSON.stringify({ key, ...answer }), { mode: 0o600 });
  return answer;
}

async function readCache(path: string): Promise<z.infer<typeof cacheSchema> | undefined> {
  try {
    return cacheSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined; // absent or of another version: probe again
  }
}

async function bootTinyGuest(options: ProbeOptions, architecture: EngineInfo['architecture']): Promise<{ works: boolean; reason: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-probe-'));
  try {
    const consoleLog = join(dir, 'console.log');
    const machine = machineFor(architecture, 'kvm');
    const size = { memoryMiB: 256, vcpus: 1 };
    const vmm = await startVmm({
      jail: options.jail,
      program: machine.program,
      args: qemuArguments({
        machine, size, disks: [], link: undefined, ...JAILED,
        ram: { path: RAM_PATH, shared: true },
        kernel: { image: options.kernel, initramfs: options.initramfs, extraCmdline: 'tardigrade.mode=probe' },
      }),
      controlSocket: join(dir, 'qmp'),
      consoleLog,
      link: undefined,
      ram: { path: join(dir, 'ram'), shared: true },
      files: await machineFiles(dir, [], [options.kernel, options.initramfs]),
      kvm: true,
      tasks: vmLimits(size, 'kvm').tasks,
      fileBytes: await largestFile(size.memoryMiB * 1024 * 1024, []),
      log: join(dir, 'vmm.log'),
    });
    const limit = new AbortController();
    const exit = await Promise.race([vmm.exited, sleep(PROBE_LIMIT_MS, undefined, { signal: limit.signal })]);
    limit.abort();
    if (exit === undefined) {
      vmm.kill();
      await vmm.exited;
    }
    const output = await readFile(consoleLog, 'utf8').catch((error: unknown) => messageOf(error));
    if (output.includes(PROBE_OK)) return { works: true, reason: 'a test guest booted under KVM' };
    const how = exit === undefined ? `hung for ${PROBE_LIMIT_MS / 1000} s` : `ended (${exit.signal ?? `exit code ${exit.code ?? '?'}`}${exit.detail === '' ? '' : `: ${exit.detail.split('\n')[0] ?? ''}`})`;
    return { works: false, reason: `/dev/kvm exists but a test guest ${how}` };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
