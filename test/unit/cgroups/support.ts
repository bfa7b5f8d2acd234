/** Groups on the real kernel, and processes to put into them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { openCgroups, type CgroupsOptions } from '../../../src/cgroups/cgroups.js';
import type { Cgroups, Controller, GroupLimits } from '../../../src/cgroups/contracts.js';
import { findHierarchies, readProcFiles } from '../../../src/cgroups/hierarchies.js';

export const limits: GroupLimits = { cpuWeight: 1, cpus: 1.5, memoryBytes: 256 * 1024 * 1024, tasks: 64 };

const offered = process.getuid?.() === 0 ? (await findHierarchies(await readProcFiles())).flatMap(({ controllers }) => controllers) : [];

/** For `skip`: why the kernel of this host cannot run a test that needs these controllers. */
export function without(...needed: Controller[]): string | false {
  const missing = needed.filter((controller) => !offered.includes(controller));
  return missing.length === 0 ? false : `needs root and the controllers ${missing.join(', ')}`;
}

export interface Opened {
  readonly cgroups: Cgroups;
  readonly warnings: unknown[][];
}

let owners = 0;
/** Of each test; groups cannot go before what is in them, and node ends tests' resources in the order of their making. */
const children = new WeakMap<TestContext, ChildProcess[]>();

async function endChildren(t: TestContext): Promise<void> {
  const running = (children.get(t) ?? []).filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  await Promise.all(running.map((child) => {
    child.kill('SIGKILL');
    return once(child, 'exit');
  }));
}

/** Groups of an owner that no other test has; what is left at the end is removed. */
export async function open(t: TestContext, options: Partial<CgroupsOptions> = {}): Promise<Opened> {
  const warnings: unknown[][] = [];
  const cgroups = await openCgroups({ owner: `test-${process.pid}-${owners++}`, logger: { warn: (...said: unknown[]) => void warnings.push(said) }, ...options });
  t.after(async () => {
    await endChildren(t);
    for (const name of await cgroups.names()) await cgroups.find(name).remove();
    await cgroups.close();
  });
  return { cgroups, warnings };
}

/** A process that waits for a line before it becomes `command`; ended with the test, if that called {@link open}. */
export async function waiting(t: TestContext, command: string): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('sh', ['-c', `read _; exec ${command}`], { stdio: ['pipe', 'ignore', 'ignore'] });
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error('no pid');
  children.set(t, [...(children.get(t) ?? []), child]);
  return Object.assign(child, { pid });
}

/** Group paths of a process by hierarchy: `cpu` → `/tardigrade-12345/a`. */
export async function groupsOf(pid: number): Promise<Map<string, string>> {
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).trim().split('\n');
  return new Map(lines.map((line) => [line.split(':')[1] ?? '', line.split(':').slice(2).join(':')]));
}
