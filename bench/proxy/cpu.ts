import { readFile } from 'node:fs/promises';

/** Clock ticks a second in /proc; fixed in Linux's interface. */
const HZ = 100;

/** CPU time a process has used so far, all its threads, in seconds. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / HZ;
}
