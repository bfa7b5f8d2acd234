/** The Debian package: built, looked into, unpacked and run. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { ROOT } from '../../support/package.js';

const run = promisify(execFile);
const sh = async (script: string, ...args: string[]): Promise<string> => (await run('sh', ['-c', script, 'sh', ...args], { maxBuffer: 1e8 })).stdout;

describe('Debian package', () => {
  let work = '';
  let deb = '';
  let root = '';

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'tdg-deb-'));
    // A copy, as npm pack builds it anew.
    const copy = join(work, 'checkout');
    await mkdir(copy);
    for (const name of await readdir(ROOT)) if (!['node_modules', 'dist', '.git', 'test', 'bench'].includes(name)) await cp(join(ROOT, name), join(copy, name), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    deb = (await run('bash', [join(copy, 'packaging/debian/build.sh'), work], { maxBuffer: 1e8 })).stdout.trim();
    root = join(work, 'root');
    await run('dpkg-deb', ['--extract', deb, root]);
    await run('dpkg-deb', ['--control', deb, join(work, 'control')]);
  });
  after(() => rm(work, { recursive: true, force: true }));

  it('depends on the Node.js it is built for, and on what a host needs', async () => {
    const depends = (await run('dpkg-deb', ['--field', deb, 'Depends'])).stdout.split(',').map((name) => name.trim());
    const [major = '0'] = process.versions.node.split('.');
    assert.ok(depends.includes(`nodejs (<< ${Number(major) + 1}~)`), depends.join());
    const packages = (await sh('. "$1"; echo $packages', join(ROOT, 'scripts/host-packages.sh'))).trim().split(' ');
    assert.deepEqual(packages.filter((name) => name !== 'util-linux' && !depends.includes(name)), []);
    assert.ok(!depends.includes('golang-go'));
  });

  it('belongs to root, and nobody else may read its settings', async () => {
    const lines = (await run('dpkg-deb', ['--contents', deb], { maxBuffer: 1e8 })).stdout.trim().split('\n');
    assert.deepEqual(lines.filter((line) => line.split(/\s+/)[1] !== 'root/root'), []);
    assert.match(lines.join('\n'), /^-rw------- .* \.\/etc\/tardigrade\/config\.yaml$/m);
    assert.deepEqual(lines.filter((line) => /^-....w|^-.......w|^-..[sS]/.test(line)), [], 'writable by others, or set-uid');
    assert.equal(await readFile(join(work, 'control/conffiles'), 'utf8'), '/etc/tardigrade/config.yaml\n');
    await run('sh', ['-c', `cd ${root} && md5sum --quiet --check ../control/md5sums`]);
  });

  it('has the program, its units, and settings that are good', async () => {
    const program = join(root, 'usr/bin/tardigrade');
    assert.match((await run(program, ['--help'])).stdout, /^\s+serve\b/m);
    assert.match((await run(program, ['config', 'check', join(root, 'etc/tardigrade/config.yaml')])).stdout, /good, 0 settings/);
    assert.match((await run(program, ['config', 'check', join(root, 'usr/share/doc/tardigrade/examples/config.example.yaml')])).stdout, /good/);
    for (const name of ['tardigrade.service', 'tardigrade-api.socket', 'tardigrade-endpoint.socket']) await access(join(root, 'usr/lib/systemd/system', name));
    assert.match(await readFile(join(root, 'usr/lib/systemd/system/tardigrade.service'), 'utf8'), /^ExecStart=\/usr\/bin\/tardigrade serve$/m);
    // The addon works with this Node.js.
    await run(process.execPath, ['-e', `new (require('${root}/usr/lib/tardigrade/node_modules/better-sqlite3'))(':memory:')`]);
  });

  it('starts nothing when it is installed, and keeps the data when it is purged', async () => {
    for (const script of ['postinst', 'prerm', 'postrm']) await run('sh', ['-n', join(work, 'control', script)]);
    const postinst = await readFile(join(work, 'control/postinst'), 'utf8');
    assert.doesNotMatch(postinst, /^\s*systemctl (start|restart|enable)/m);
    assert.doesNotMatch(await readFile(join(work, 'control/postrm'), 'utf8'), /^\s*rm -r/m);
  });

  it('has no complaint of lintian', async (t) => {
    if (!(await run('lintian', ['--version']).then(() => true, () => false))) return t.skip('lintian is not installed');
    await run('lintian', ['--allow-root', '--fail-on=error', deb], { maxBuffer: 1e8 });
  });
});
