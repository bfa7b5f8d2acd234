/** Facts of the host that the engine depends on, and the VMMs a dead daemon left on it. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { messageOf, OperatorError } from '../../errors/index.js';

const run = promisify(execFile);

/** e.g. `QEMU 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)`: the whole of it is pinned. */
export async function vmmVersion(program: string): Promise<string> {
  try {
    const { stdout } = await run(program, ['--version']);
    return (stdout.split('\n')[0] ?? '').replace('QEMU emulator version', 'QEMU').trim();
  } catch (error) {
    throw new OperatorError(`cannot run ${program}: ${messageOf(error)}; install it (Debian: qemu-system-x86 or qemu-system-arm)`);
  }
}

/**
 * Frequency of the host's time stamp counter in kHz, when it is constant. The kernel's bogomips is twice the TSC's
 * MHz on such a CPU.
 */
export async function hostTscKhz(): Promise<number | undefined> {
  const text = await readFile('/proc/cpuinfo', 'utf8');
  const bogomips = /^bogomips\s*:\s*([\d.]+)$/m.exec(text)?.[1];
  if (bogomips === undefined || !/^flags\s*:.*\bconstant_tsc\b/m.test(text)) return undefined;
  return Math.round((Number(bogomips) / 2) * 1000);
}

/** The host's CPU model and its features: what `-cpu host` means, and where the TSC's frequency comes from. */
export async function hostCpuDigest(): Promise<string> {
  const text = await readFile('/proc/cpuinfo', 'utf8');
  const lines = text.split('\n\n')[0]?.split('\n').filter((line) => /^(model name|flags|Features|CPU (implementer|part|variant))\s/.test(line)) ?? [];
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);
}

/** VMMs on this host whose control socket is in `runDir`, by the id of their VM. */
export async function findVmms(runDir: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const cmdline = await readFile(`/proc/${entry}/cmdline`, 'latin1').catch(() => ''); // gone meanwhile
    const start = cmdline.indexOf(`unix:${runDir}/`);
    if (!cmdline.includes('qemu-system') || start < 0) continue;
    const id = /^([^,\0]+)\.qmp/.exec(cmdline.slice(start + `unix:${runDir}/`.length))?.[1];
    if (id !== undefined) found.set(id, Number(entry));
  }
  return found;
}

/** Ends a VMM that is no child of ours and waits until it is gone: its disks and namespace are free then. */
export async function endVmm(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
    throw error;
  }
  while (await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')) await sleep(10);
}

/** Path of the named network namespace that a process is in; undefined when it has no name. */
export async function netnsOf(pid: number): Promise<string | undefined> {
  const { ino } = await stat(`/proc/${pid}/ns/net`);
  for (const name of await readdir('/run/netns').catch(() => [])) {
    const path = `/run/netns/${name}`;
    if ((await stat(path).catch(() => undefined))?.ino === ino) return path;
  }
  return undefined;
}
