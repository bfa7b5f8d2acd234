/** One VMM process: spawned in its link's network namespace, watched until it ends. */
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { messageOf, OperatorError } from '../../errors/index.js';
import type { VmExit } from '../contracts.js';

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
  readonly exited: Promise<VmExit>;
  kill(): void;
}

/** Throws OperatorError when the program cannot be started. */
export async function startVmm(spec: ProcessSpec): Promise<VmmProcess> {
  const log = await open(spec.log, 'a', 0o600);
  const state = spec.stateFile === undefined ? undefined : await open(spec.stateFile, 'r');
  try {
    // nsenter replaces itself by the VMM: the pid is the VMM's own.
    const [program, args] =
      spec.netnsPath === undefined ? [spec.program, spec.args] : ['nsenter', [`--net=${spec.netnsPath}`, '--', spec.program, ...spec.args]];
    const child = spawn(program, args, {
      stdio: ['ignore', log.fd, log.fd, ...(state === undefined ? [] : [state.fd])],
      // Its own session: Ctrl-C at the daemon's terminal must not kill guests before they are suspended.
      detached: true,
    });
    const exited = new Promise<VmExit>((resolve) => {
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
    return { pid, exited, kill: () => void child.kill('SIGKILL') };
  } finally {
    await log.close();
    await state?.close();
  }
}

async function lastLines(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    return text.trim().split('\n').slice(-5).join('\n').slice(-2000);
  } catch (error) {
    return `(no VMM log: ${messageOf(error)})`;
  }
}
