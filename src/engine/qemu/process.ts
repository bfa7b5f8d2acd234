/** One VMM process: spawned in its link's network namespace, watched until it ends. */
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OperatorError } from '../../errors/index.js';

export interface ProcessSpec {
  readonly program: string;
  readonly args: readonly string[];
  /** Absent: the host's namespace (only the probe, which has no network). */
  readonly netnsPath: string | undefined;
  /** What the VMM itself prints. */
  readonly log: string;
  /** Inherited as descriptor 3: the device state of a clone. */
  readonly stateFile?: string;
}

export interface VmmProcess {
  readonly pid: number;
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

/** Throws OperatorError when the program cannot be started. */
export async function startVmm(spec: ProcessSpec): Promise<VmmProcess> {
  const log = await open(spec.log, 'a', 0o600);
  const state = spec.stateFile === undefined ? undefined : await open(spec.stateFile, 'r');
  try {
    // nsenter replaces itself by the VMM: the pid is the VMM's own.
    const [program, args] =
      spec.netnsPath === undefined ? [spec.program, spec.args] : ['nsenter', [`--net=${spec.netnsPath}`, '--', spec.program, ...spec.args]];
    // QEMU makes the template's memory, device state and console log: guests' data, for no other user to read.
    const umask = process.umask(0o077);
    const child = spawn(program, args, {
      stdio: ['ignore', log.fd, log.fd, ...(state === undefined ? [] : [state.fd])],
      // Its own session: Ctrl-C at the daemon's terminal must not kill guests, and they outlive the daemon.
      detached: true,
    });
    process.umask(umask);
    const exited = new Promise<ProcessExit>((resolve) => {
      child.once('exit', (code, signal) => {
        void lastLines(spec.log).then((detail) => resolve({ code, signal, detail }));
      });
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => reject(new OperatorError(`cannot start ${program}: ${error.message}; is it installed?`)));
    });
    const pid = child.pid;
    if (pid === undefined) throw new OperatorError(`cannot start ${program}`);
    const kill = (): void => {
      child.ref(); // whoever ends it waits for its end, let go or not
      child.kill('SIGKILL');
    };
    return { pid, exited, kill, letGo: () => child.unref() };
  } finally {
    await log.close();
    await state?.close();
  }
}

/** How often to look whether a VMM that is no child of ours is gone, once it has closed its control socket. */
const GONE_POLL_MS = 5;

/** A VMM that an earlier daemon started. `closed`: its control socket's end, which comes with its own. */
export async function adoptVmm(pid: number, log: string, closed: Promise<void>): Promise<VmmProcess> {
  const born = await startTime(pid);
  const released = new AbortController();
  const exited = (async (): Promise<ProcessExit> => {
    await closed;
    if (released.signal.aborted) return new Promise(() => undefined);
    while ((await startTime(pid)) === born) await sleep(GONE_POLL_MS);
    return { code: null, signal: null, detail: await lastLines(log) };
  })();
  return {
    pid,
    exited,
    letGo: () => released.abort(),
    kill: () => void startTime(pid).then((now) => now === born && born !== undefined && process.kill(pid, 'SIGKILL')),
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
