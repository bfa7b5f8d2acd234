/** Runs a page's commands in a folder of its own, as a reader in a checkout would. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isCommands, type Page, ROOT } from './blocks.js';
import { compare, outputsOf, scriptOf } from './script.js';

export interface Surroundings {
  /** Variables of the shell, beside PATH and HOME. */
  readonly env: Readonly<Record<string, string>>;
  /** Programs that stand before those of the host, by name: the text of a shell script. */
  readonly programs: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Throws with the page's line, the command and its output when one fails or prints something else than is shown. */
export async function runPage(page: Page, { env, programs, timeoutMs }: Surroundings): Promise<void> {
  const { script, steps } = scriptOf(page.blocks.filter((block) => isCommands(block) && block.notRun === undefined));
  const folder = await mkdtemp(join(tmpdir(), 'tardigrade-docs-'));
  try {
    const checkout = join(folder, 'tardigrade');
    const bin = join(folder, 'bin');
    await Promise.all([checkout, bin, join(folder, 'home')].map((path) => mkdir(path)));
    // What a page's commands write stays in the folder; what they read is the checkout's.
    for (const name of await readdir(ROOT)) if (!name.startsWith('.')) await symlink(join(ROOT, name), join(checkout, name));
    for (const [name, text] of Object.entries(programs)) {
      await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`);
      await chmod(join(bin, name), 0o755);
    }
    const { output, code } = await runShell(script, { cwd: checkout, timeoutMs, env: { ...env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: join(folder, 'home'), LANG: 'C.UTF-8', PAGES_BIN: bin } });
    const outputs = outputsOf(output);
    if (code !== 0 || outputs.length !== steps.length + 1) {
      const step = steps[outputs.length - 1];
      throw new Error(`${page.path}:${step?.line ?? 0}: ${typeof code === 'number' ? `exit code ${code}` : code}\n${step?.command ?? ''}\n${outputs.at(-1) ?? output}`);
    }
    for (const [index, step] of steps.entries()) {
      const difference = compare(step.expected, outputs[index] ?? '');
      if (difference !== undefined) throw new Error(`${page.path}:${step.line}: ${step.command}\n${difference}`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runShell(script: string, { cwd, env, timeoutMs }: { cwd: string; env: NodeJS.ProcessEnv; timeoutMs: number }): Promise<{ output: string; code: number | string }> {
  // A process group of its own: what a page leaves in the background ends with it.
  const shell = spawn('bash', ['--noprofile', '--norc', '-c', `exec 2>&1\n${script}`], { cwd, env, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  const closed = once(shell, 'close');
  let output = '';
  shell.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const end = (): void => {
    if (shell.pid === undefined) return;
    try {
      process.kill(-shell.pid, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error; // nothing is left of it
    }
  };
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
    end();
  }, timeoutMs);
  const [code, signal] = (await once(shell, 'exit')) as [number | null, NodeJS.Signals | null];
  end();
  await closed;
  clearTimeout(timer);
  return { output, code: late.signal.aborted ? `not over after ${timeoutMs / 1000} s` : (code ?? signal ?? 'ended') };
}
