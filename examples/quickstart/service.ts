/** The service the quickstart talks to: its own, started as `tardigrade serve`, ended as Ctrl-C does. */
import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/config.js';
import { localAccess } from '../../src/daemon/access.js';

export interface Service {
  readonly apiUrl: string;
  readonly region: string;
  readonly credentials: { accessKeyId: string; secretAccessKey: string };
  readonly caFile: string | undefined;
  /** VMM and accelerator, in words. */
  readonly engine: string;
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export async function startService(): Promise<Service> {
  const config = loadConfig();
  const child = spawn(process.execPath, [MAIN, 'serve'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TARDIGRADE_LOG_LEVEL: process.env['TARDIGRADE_LOG_LEVEL'] ?? 'warn' } });
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  while (!output.includes('Ctrl-C')) {
    const code = await Promise.race([ended, pause(20)]);
    if (code !== undefined) throw new Error(`the service did not start (exit code ${code})`);
  }
  const access = await localAccess(config);
  return {
    apiUrl: access.apiUrl,
    region: access.region,
    credentials: { accessKeyId: access.accessKeyId, secretAccessKey: access.secretAccessKey },
    caFile: access.caFile,
    engine: /Engine: (.*)\./.exec(output)?.[1] ?? '',
    stop: async () => {
      child.kill('SIGINT');
      const code = await ended;
      if (code !== 0) throw new Error(`the service ended with exit code ${code}`);
    },
  };
}
