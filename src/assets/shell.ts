/** Runs the host's packaging tools. They handle Debian packages and our own files only, never a tenant's. */
import { spawn } from 'node:child_process';
import { OperatorError } from '../errors/index.js';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The program's standard output. Throws OperatorError with the end of what it said. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err = (err + text).slice(-4000)));
    child.once('error', (error) => reject(new OperatorError(`cannot run ${program}: ${error.message}; "npm run setup" installs what is needed`)));
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString('utf8'));
      else reject(new OperatorError(`${program} ${args.join(' ')} failed (exit code ${code ?? '?'}):\n${err.trim()}`));
    });
  });
}
