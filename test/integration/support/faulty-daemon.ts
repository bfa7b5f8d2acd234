/**
 * A daemon that can be made to die, or to lose a VMM, at a named step: run as a child process, told over its IPC channel.
 * Sends `{ready: …}` once it serves and `{reached: step}` when a VMM was killed.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { createProgress } from '../../../src/cli/progress.js';
import { loadConfig } from '../../../src/config/config.js';
import { type Observe, startDaemon } from '../../../src/daemon/daemon.js';
import { runDirOf } from '../../../src/daemon/lock.js';
import { findVmms } from '../../../src/engine/qemu/survivors.js';

/** What to kill when a step is reached by something whose id begins with `of`. */
export interface Fault {
  readonly step: string;
  readonly of: string;
  readonly kill: 'daemon' | 'vmm';
}

export type Told = { readonly arm: Fault } | { readonly close: 'suspend' | 'keep' };
export type Tells =
  | { readonly ready: { readonly apiUrl: string; readonly caFile: string | undefined; readonly accessKeyId: string; readonly secretAccessKey: string } }
  | { readonly reached: string };

const config = loadConfig();
let fault: Fault | undefined;

const observe: Observe = async (step, { id, pid }) => {
  if (fault === undefined || fault.step !== step || !id.startsWith(fault.of)) return;
  const { kill } = fault;
  fault = undefined;
  if (kill === 'daemon') {
    process.kill(process.pid, 'SIGKILL');
    await pause(60_000); // nothing of this process happens after that
  }
  const vmm = pid ?? (await findVmms(await runDirOf(config.dataDir))).get(id)?.pid;
  if (vmm !== undefined) process.kill(vmm, 'SIGKILL');
  tell({ reached: step });
};

const tell = (message: Tells): void => void process.send?.(message);

const daemon = await startDaemon(config, pino({ level: config.logLevel }, pino.destination(2)), createProgress(), observe);
process.on('message', (message: Told) => {
  if ('arm' in message) fault = message.arm;
  else void daemon.close(message.close).then(() => process.disconnect());
});
const { accessKeyId, secretAccessKey } = daemon.credentials;
tell({ ready: { apiUrl: daemon.apiUrl, caFile: daemon.caFile, accessKeyId, secretAccessKey } });
