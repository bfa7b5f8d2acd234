/** One VMM process: started in its jail, watched until it ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { messageOf, OperatorError } from '../../errors/index.js';
import { launcherSpec, type VmmSpec } from './jail.js';

export interface VmmProcess {
  /** The VMM's own. */
  readonly pid: number;
  /** Of its launcher, which lives as long and ends as it does. */
  readonly launcher: number;
  readonly exited: Promise<ProcessExit>;
  kill(): void;
  /** This process may end before the VMM; `exited` may then never resolve. */
  letGo(): void;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Last lines of what the VMM printed. */
  readonly detail: string;
  /** The kernel's OOM killer ended it; known of one in a control group. */
  readonly outOfMemory?: boolean;
}

/** Where the launcher reads its specification and answers. */
const SPEC_FD = 3;
const answerSchema = z.object({ pid: z.number().int().positive(), uid: z.number().int().positive() });

/** Throws OperatorError when there is no VMM. `spawned` is told of the launcher at once, before it has a VMM. */
export async function startVmm(spec: VmmSpec, spawned: (launcher: number) => void = () => undefined): Promise<VmmProcess> {
  const log = await open(spec.log, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(spec.jail.launcher, [spec.controlSocket], {
      stdio: ['ignore', log.fd, log.fd, 'pipe'],
      // Its own session: Ctrl-C at the daemon's terminal must not kill guests, and they outlive the daemon.
      detached: true,
      env: {},
    });
    const started = once(child, 'spawn'); // rejects on 'error'
    await started.catch((error: unknown) => {
      throw new OperatorError(`cannot start ${spec.jail.launcher}: ${messageOf(error)}`);
    });
  } finally {
    await log.close();
  }
  const launcher = child.pid ?? 0;
  const left = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => child.once('exit', (...exit) => resolve(exit)));
  spawned(launcher);
  const channel = child.stdio[SPEC_FD] as Duplex;
  channel.on('error', () => undefined); // it ended before it read all: its exit says why
  channel.end(launcherSpec(spec));
  const answer = await text(channel).catch(() => '');
  if (answer === '') {
    await left;
    throw new OperatorError(`the VMM could not be put into its jail: ${await lastLines(spec.log)}`);
  }
  const { pid } = answerSchema.parse(JSON.parse(answer));
  const born = await startTime(pid);
  const exited = left.then(async ([code, signal]) => {
    // At once, unless somebody killed the launcher alone: the kernel then kills the VMM.
    await gone(pid, born);
    return { code, signal, detail: await lastLines(spec.log) };
  });
  const kill = (): void => {
    child.ref(); // whoever ends it waits for its end, let go or not
    child.kill('SIGTERM'); // the launcher kills the VMM and ends as it did
  };
  return { pid, launcher, exited, kill, letGo: () => child.unref() };
}

/** How often to look whether a VMM that is no child of ours is gone, once it has closed its control socket. */
const GONE_POLL_MS = 5;

async function gone(pid: number, born: string | undefined): Promise<void> {
  if (born === undefined) return;
  while ((await startTime(pid)) === born) await sleep(GONE_POLL_MS);
}

/** A VMM that an earlier daemon started. `closed`: its control socket's end, which comes with its own. */
export async function adoptVmm({ pid, launcher }: { readonly pid: number; readonly launcher: number }, log: string, closed: Promise<void>): Promise<VmmProcess> {
  const born = await startTime(launcher);
  const released = new AbortController();
  const exited = (async (): Promise<ProcessExit> => {
    await closed;
    if (released.signal.aborted) return new Promise(() => undefined);
    await gone(launcher, born);
    return { code: null, signal: null, detail: await lastLines(log) };
  })();
  return {
    pid,
    launcher,
    exited,
    letGo: () => released.abort(),
    kill: () => void startTime(launcher).then((now) => now === born && born !== undefined && process.kill(launcher, 'SIGTERM')),
  };
}

/** In clock ticks since boot: tells a process from a later one of the same pid. Undefined when it is gone or a zombie. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => ''); // gone
  // proc(5): after the parenthesised name comes the state, field 3; the start time is field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === '' ? undefined : fields[19];
}

/** What the guest's console ends with: the line of its kernel's panic if there was one. */
export async function lastWords(consoleLog: string): Promise<string> {
  const text = await readFile(consoleLog, 'utf8').catch(() => '');
  return /^.*(Kernel panic - .*)$/m.exec(text.slice(-64 * 1024))?.[1]?.trim() ?? lastLines(consoleLog);
}

/** The end of a log file, for people. */
async function lastLines(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    return text.trim().split('\n').slice(-5).join('\n').slice(-2000);
  } catch (error) {
    return `(no log: ${messageOf(error)})`;
  }
}
