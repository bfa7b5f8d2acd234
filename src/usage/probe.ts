/** What the kernel knows of one process: cheap reads of procfs, fit for every VM every few seconds. */
import { readFile } from 'node:fs/promises';

export interface ProcessSample {
  /** Tells this process from any other, before and after a reboot too. */
  readonly identity: string;
  /** User and system time since its start. */
  readonly cpuSeconds: number;
  /** Memory of its own: anonymous pages, among them each page of the template that the guest has written. */
  readonly memoryBytes: number;
}

/** undefined: there is no such process. */
export type ProbeProcess = (pid: number) => Promise<ProcessSample | undefined>;

const TICKS_PER_SECOND = 100;

let bootId: Promise<string> | undefined;

export const probeProcess: ProbeProcess = async (pid) => {
  try {
    const [boot, statLine, status] = await Promise.all([
      (bootId ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8')),
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ]);
    // proc(5): fields 3 (state), 14 and 15 (CPU time) and 22 (start), counted after the parenthesised name.
    const fields = statLine.slice(statLine.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return undefined;
    return {
      identity: `${boot.trim().slice(0, 8)}-${pid}-${fields[19] ?? ''}`,
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      memoryBytes: Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024,
    };
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return undefined;
    throw error;
  }
};
