import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { DialAgent } from '../../../../src/guest/contracts.js';

const source = fileURLToPath(new URL('../../../../guest/agent', import.meta.url));

export interface BuiltAgent {
  readonly path: string;
  remove(): Promise<void>;
}

export async function buildAgent(): Promise<BuiltAgent> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-agent-'));
  const path = join(dir, 'agent');
  await promisify(execFile)('go', ['build', '-trimpath', '-o', path, '.'], { cwd: source, env: { ...process.env, CGO_ENABLED: '0' } });
  return { path, remove: () => rm(dir, { recursive: true }) };
}

export interface RunningAgent {
  readonly port: number;
  readonly dial: DialAgent;
  /** What it printed so far, a line each. */
  readonly lines: string[];
  stop(): Promise<void>;
}

/** The real agent as an ordinary process. */
export async function runAgent(path: string): Promise<RunningAgent> {
  const child = spawn(path, ['-listen', '127.0.0.1:0', '-allow', '127.0.0.1', '-host'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    void gone.then(() => reject(new Error('the agent ended before it listened')));
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      const match = /^listening 127\.0\.0\.1:(\d+)$/.exec(line);
      if (match) resolve(Number(match[1]));
    });
  });
  const stop = (): Promise<void> => {
    child.kill('SIGKILL');
    return gone;
  };
  return { port, dial: dialer(port), lines, stop };
}

/** Connects to a local port, both directions independent. */
export function dialer(port: number): DialAgent {
  return (signal) =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true, ...(signal && { signal }) });
      socket.once('connect', () => resolve(socket.off('error', reject))).once('error', reject);
    });
}
