/** The npm package, installed as a user would. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { packCheckout, ROOT } from '../../support/package.js';

const run = promisify(execFile);

describe('npm package', () => {
  let work = '';
  let installed = '';
  const tardigrade = (...args: string[]) => run(join(work, 'prefix/bin/tardigrade'), args, { cwd: work, env: { PATH: process.env['PATH'], HOME: work } });

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'tdg-package-'));
    installed = join(work, 'prefix/lib/node_modules/tardigrade');
    // SQLite's addon is compiled or downloaded by its own install script, which is not ours to test and takes minutes: the
    // one of this checkout takes its place.
    await run('npm', ['install', '--global', '--prefix', join(work, 'prefix'), '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', await packCheckout(work)], { maxBuffer: 1e8 });
    await cp(join(ROOT, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node'), join(installed, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node'), { recursive: true });
  });
  after(() => rm(work, { recursive: true, force: true }));

  it('has a program that says what it does', async () => {
    const { stdout } = await tardigrade('--help');
    assert.match(stdout, /tardigrade .*<?command>?/i);
    for (const command of ['serve', 'setup', 'doctor', 'backup']) assert.match(stdout, new RegExp(`^\\s+${command}\\b`, 'm'));
  });

  it('has settings, with an example that it takes', async () => {
    assert.match((await tardigrade('config', 'check', join(installed, 'packaging/config.example.yaml'))).stdout, /good/);
  });

  it('has every file the service looks for, and what its other parts are made from', async () => {
    // As the service finds them: beside its own program.
    const assets = await readFile(join(installed, 'dist/daemon/assets.js'), 'utf8');
    const wanted = [...assets.matchAll(/new URL\('\.\.\/\.\.\/([^']+)'/g)].map((match) => match[1] ?? '');
    assert.deepEqual(wanted, ['guest/agent', 'host/jail']);
    for (const module of wanted) await access(join(installed, module, 'go.mod'));
    for (const name of ['packaging/systemd/tardigrade.service', 'scripts/host-packages.sh', 'docs/installation.md', 'LICENSE']) await access(join(installed, name));
  });

  it('brings the Go programs built, so that no compiler is needed', async () => {
    const script = `import { goSources, goBuild } from '${installed}/dist/assets/go.js';
      for (const module of ['guest/agent', 'host/jail']) { await goSources('${installed}/' + module); await goBuild('${installed}/' + module, '${work}/' + module.replace('/', '-')); }`;
    await run(process.execPath, ['--input-type=module', '-e', script], { env: { PATH: '/nowhere' } });
    const { stdout } = await run(join(work, 'host-jail'), []).catch((error: unknown) => error as { stdout: string });
    assert.equal(typeof stdout, 'string', 'it is a program of this machine');
  });

  it('has a doctor who asks for no compiler', async () => {
    const { stdout } = await tardigrade('doctor', '--json').catch((error: unknown) => error as { stdout: string });
    const seen = (JSON.parse(stdout) as { findings: { check: string; seen: string }[] }).findings.filter(({ check }) => check === 'programs').map((finding) => finding.seen);
    assert.ok(seen.length > 5);
    assert.deepEqual(seen.filter((text) => /\bgo\b/.test(text)), []);
  });

  it('holds no test and no map', async () => {
    const { stdout } = await run('find', [installed, '-path', `${installed}/node_modules`, '-prune', '-o', '-type', 'f', '-print'], { maxBuffer: 1e8 });
    assert.doesNotMatch(stdout, /_test\.go$|\.test\.|\.js\.map$|tsbuildinfo|\.built$/m);
  });
});
