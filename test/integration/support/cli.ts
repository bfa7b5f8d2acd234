/** The command line as a process, pointed at the service under test. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { buffer } from 'node:stream/consumers';
import type { Service } from './service.js';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export const COMMAND = [process.execPath, '--import', 'tsx', MAIN] as const;

export function cliEnvironment({ daemon, config }: Service): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'], HOME: process.env['HOME'], LANG: 'C.UTF-8',
    AWS_ENDPOINT_URL: daemon.apiUrl, AWS_REGION: config.region, AWS_ACCESS_KEY_ID: daemon.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: daemon.credentials.secretAccessKey, TARDIGRADE_CA_FILE: daemon.caFile,
  };
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunningCli {
  readonly child: ChildProcessWithoutNullStreams;
  /** The first of its output came. */
  readonly spoke: Promise<unknown>;
  readonly result: Promise<CliResult>;
}

export function startCli(service: Service, args: readonly string[], input: string | Buffer = ''): RunningCli {
  const [program, ...first] = COMMAND;
  const child = spawn(program, [...first, ...args], { env: cliEnvironment(service), cwd: ROOT, stdio: 'pipe' });
  child.stdin.on('error', () => undefined); // it may end before it read all
  child.stdin.end(input);
  const spoke = once(child.stdout, 'data');
  const exit = once(child, 'close') as Promise<[number | null]>;
  const result = Promise.all([exit, buffer(child.stdout), buffer(child.stderr)]).then(([[code], stdout, stderr]) => ({ code, stdout, stderr: stderr.toString() }));
  return { child, spoke, result };
}

export function runCli(service: Service, args: readonly string[], input: string | Buffer = ''): Promise<CliResult> {
  return startCli(service, args, input).result;
}
