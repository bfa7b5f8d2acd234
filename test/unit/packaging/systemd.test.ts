/** The systemd units: valid for systemd itself, in step with the settings, and a stop that suits the moment. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadConfig } from '../../../src/config/config.js';

const UNITS = fileURLToPath(new URL('../../../packaging/systemd/', import.meta.url));
const run = promisify(execFile);
const unit = (name: string): Promise<string> => readFile(join(UNITS, name), 'utf8');
const valueOf = (text: string, key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? '';

let dir = '';
before(async () => void (dir = await mkdtemp(join(tmpdir(), 'tdg-units-'))));
after(() => rm(dir, { recursive: true }));

describe('systemd units', async () => {
  const analyze = await run('systemd-analyze', ['--version']).then(() => true, () => false);

  it('are valid', { skip: analyze ? false : 'systemd-analyze is not installed' }, async () => {
    await cp(UNITS, dir, { recursive: true });
    // The program is not installed here.
    await writeFile(join(dir, 'tardigrade.service'), (await unit('tardigrade.service')).replace('/usr/bin/tardigrade', '/bin/true'));
    const names = (await readdir(UNITS)).map((name) => join(dir, name));
    const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', ...names]);
    assert.equal(`${stdout}${stderr}`, '');
    const { stdout: report } = await run('systemd-analyze', ['security', '--offline=yes', '--no-pager', '--threshold=75', join(dir, 'tardigrade.service')]);
    assert.match(report, /Overall exposure level/);
  });

  for (const [name, host, port] of [['api', loadConfig({}).apiHost, loadConfig({}).apiPort], ['endpoint', loadConfig({}).endpointHost, loadConfig({}).endpointPort]] as const) {
    it(`the socket of the ${name} is where the settings say by default`, async () => {
      const text = await unit(`tardigrade-${name}.socket`);
      assert.equal(valueOf(text, 'ListenStream'), `${host}:${port}`);
      assert.equal(valueOf(text, 'FileDescriptorName'), name);
    });
  }

  it('keep what a next daemon needs to adopt MicroVMs: processes, the run folder, and the mounts of /run/netns', async () => {
    const text = await unit('tardigrade.service');
    assert.equal(valueOf(text, 'KillMode'), 'process');
    assert.equal(valueOf(text, 'RuntimeDirectoryPreserve'), 'yes');
    const ownMounts = /^(Protect(System|Home|KernelTunables|KernelModules|KernelLogs|ControlGroups|Proc)|Private(Tmp|Devices|Mounts|Network|Users)|(ReadOnly|ReadWrite|Inaccessible|NoExec|Exec)Paths|BindPaths|BindReadOnlyPaths|TemporaryFileSystem|RootDirectory|RootImage|MountAPIVFS|DynamicUser|ProcSubset|RestrictFileSystems)=/m;
    assert.doesNotMatch(text, ownMounts);
  });

  it('leave the daemon every capability that doctor asks for', async () => {
    const doctor = await readFile(fileURLToPath(new URL('../../../src/doctor/checks/host.ts', import.meta.url)), 'utf8');
    const needed = [...(/NEEDED_CAPABILITIES[^{]*{([^}]*)}/.exec(doctor)?.[1] ?? '').matchAll(/(\w+):/g)].map((match) => `CAP_${(match[1] ?? '').toUpperCase()}`);
    assert.ok(needed.length > 5);
    const left = new Set(valueOf(await unit('tardigrade.service'), 'CapabilityBoundingSet').split(' '));
    assert.deepEqual(needed.filter((name) => !left.has(name)), []);
  });

  for (const [state, signal] of [['running', 'SIGTERM'], ['stopping', 'SIGINT'], ['degraded', 'SIGTERM']] as const) {
    it(`a stop while the system is ${state} sends ${signal}, and waits for the daemon's end`, async () => {
      const systemctl = join(dir, 'systemctl');
      await writeFile(systemctl, `#!/bin/sh\necho ${state}\n`);
      await chmod(systemctl, 0o755);
      const daemon = spawn(process.execPath, ['-e', 'for (const s of ["SIGTERM", "SIGINT"]) process.on(s, () => { console.log(s); setTimeout(() => process.exit(), 500); }); console.log("up"); setInterval(() => {}, 1000)'], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      daemon.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await once(daemon.stdout, 'data');
      // As systemd reads the line: $$ is $, $MAINPID the process.
      const [, script, pid] = /^ExecStop=\/bin\/sh -c '(.*)' stop (\$MAINPID)$/m.exec(await unit('tardigrade.service')) ?? [];
      assert.equal(pid, '$MAINPID');
      await run('/bin/sh', ['-c', (script ?? '').replaceAll('$$', '$'), 'stop', String(daemon.pid)], { env: { PATH: `${dir}:${process.env['PATH'] ?? ''}` } });
      assert.equal(said, `up\n${signal}\n`);
      assert.equal(daemon.exitCode ?? ((await once(daemon, 'exit')) as [number])[0], 0);
    });
  }
});
