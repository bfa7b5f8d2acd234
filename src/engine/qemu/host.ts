/** Facts of the host that the engine depends on. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
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
