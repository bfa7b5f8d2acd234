/** The four commands that --help shows, typed as it shows them: from a zip to an answer. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { zipFolder } from '../../examples/quickstart/zip.js';
import { FLASK_APP } from './support/images.js';
import { residue } from './support/residue.js';
import { closeShared } from './support/service.js';

interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

describe('a person who reads --help', () => {
  before(() => closeShared('now'));

  it('gets from a zip to an answer in four commands', async () => {
    const left = await residue();
    const home = await mkdtemp(join(tmpdir(), 'tardigrade-first-'));
    await writeFile(join(home, 'app.zip'), await zipFolder(FLASK_APP));
    // As it is when the package is installed: a program called tardigrade.
    await mkdir(join(home, 'bin'));
    await writeFile(join(home, 'bin/tardigrade'), `#!/bin/sh\nexec ${process.execPath} --import ${import.meta.resolve('tsx')} ${MAIN} "$@"\n`);
    await chmod(join(home, 'bin/tardigrade'), 0o755);
    const env = {
      PATH: `${join(home, 'bin')}:${process.env['PATH'] ?? ''}`, HOME: home, LANG: 'C.UTF-8', TARDIGRADE_DATA_DIR: join(home, 'data'),
      ...Object.fromEntries(['TARDIGRADE_ASSETS_DIR', 'TARDIGRADE_ACCELERATOR'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))),
    };
    const typed = (line: string): ChildProcess => spawn('sh', ['-c', `exec ${line}`], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const finish = async (child: ChildProcess): Promise<Answer> => {
      assert.ok(child.stdout && child.stderr);
      const [[code], stdout, stderr] = await Promise.all([once(child, 'close') as Promise<[number | null]>, text(child.stdout), text(child.stderr)]);
      return { code, stdout, stderr };
    };
    try {
      const help = await finish(typed('tardigrade --help'));
      assert.equal(help.code, 0, help.stderr);
      // What is behind # is for the reader.
      const lines = [...help.stdout.matchAll(/^ +\$ (.*)$/gm)].map(([, line = '']) => line.replace(/ +#.*$/, ''));
      assert.equal(lines.length, 4, help.stdout);
      const [serve = '', ...rest] = lines;
      const server = typed(serve);
      try {
        await up(server);
        const answers: Answer[] = [];
        for (const line of rest) {
          const answer = await finish(typed(line));
          assert.equal(answer.code, 0, `${line}\n${answer.stdout}\n${answer.stderr}`);
          answers.push(answer);
        }
        const [built, run, curled] = answers;
        assert.match(built?.stderr ?? '', /\[docker\] .*FROM public\.ecr\.aws/, 'the log was shown');
        assert.match(built?.stdout ?? '', /^app:1\.0 {2}built in .*; zip 2\.\d KiB, memory .* MiB/);
        assert.equal(curled?.stdout.trim(), '{"message":"Hello, World!"}');

        // And the line for curl that run printed, pasted.
        const pasted = /^With curl +(.*)$/m.exec(run?.stdout ?? '')?.[1] ?? '';
        const child = spawn('bash', ['-c', pasted], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
        assert.deepEqual(await finish(child).then(({ code, stdout }) => [code, stdout.trim()]), [0, '{"message":"Hello, World!"}'], pasted);
      } finally {
        server.kill('SIGINT');
        if (server.exitCode === null) await once(server, 'exit');
      }
      assert.deepEqual(await residue(), left);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
});

/** Until it says that it serves. */
async function up(server: ChildProcess): Promise<void> {
  let said = '';
  server.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    server.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Tardigrade serves')) resolve();
    });
    server.once('exit', (code) => reject(new Error(`serve ended with ${code ?? 'a signal'}:\n${said}`)));
  });
}
