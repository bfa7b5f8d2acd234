/** The VMMs a dead daemon left on the host: found by their launchers, whose argument lists no VMM can write. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { LAUNCHER } from '../../assets/jail.js';

export interface Vmm {
  /** Made the jail, and waits for the VMM's end; in the network namespace of the VM's link. */
  readonly launcher: number;
  /** The VMM; absent while there is none yet, or none any more. */
  readonly pid: number | undefined;
}

/** VMMs whose control socket is in `runDir`, by the id of their VM. */
export async function findVmms(runDir: string): Promise<Map<string, Vmm>> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const launchers = new Map<string, number>();
  const children = new Map<number, number>();
  for (const pid of pids) {
    const [cmdline, stat] = await Promise.all(['cmdline', 'stat'].map((name) => readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => ''))); // gone meanwhile
    children.set(parentOf(stat ?? ''), Number(pid));
    const [program = '', socket = ''] = (cmdline ?? '').split('\0');
    if (!program.endsWith(`/${LAUNCHER}`) || !socket.startsWith(`${runDir}/`)) continue;
    const id = /^([^/]+)\.qmp$/.exec(socket.slice(runDir.length + 1))?.[1];
    if (id !== undefined) launchers.set(id, Number(pid));
  }
  return new Map([...launchers].map(([id, launcher]) => [id, { launcher, pid: children.get(launcher) }]));
}

/** proc(5): state and parent follow the parenthesised name. */
function parentOf(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Ends a VMM that is no child of ours and waits until it is gone: its disks and namespace are free then. */
export async function endVmm({ launcher, pid }: Vmm): Promise<void> {
  // A launcher without a VMM, or whose VMM we do not know, takes it along when it ends.
  for (const one of [pid, launcher]) if (one !== undefined) kill(one);
  for (const one of [pid, launcher]) while (one !== undefined && (await alive(one))) await sleep(10);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Not a zombie either. */
async function alive(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')) !== '';
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
