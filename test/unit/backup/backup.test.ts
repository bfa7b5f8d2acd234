/** Backup and restore of a data folder with the real records and archive; its images and MicroVMs are bytes of no meaning. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, chmod, mkdir, mkdtemp, open, readdir, readFile, realpath, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { backup as backupOf } from '../../../src/backup/backup.js';
import { restore as restoreOf } from '../../../src/backup/restore.js';
import { lockDataDir } from '../../../src/daemon/lock.js';
import type { MicrovmState, Store } from '../../../src/store/contracts.js';
import { openStore } from '../../../src/store/sqlite/open.js';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:microvm-image:web';
const MIB = 1024 * 1024;
const run = promisify(execFile);
const there = (path: string): Promise<boolean> => access(path).then(() => true, () => false);

let base = '';
let dataDir = '';
let archive = '';
let store: Store;

const places = () => ({ dataDir, assetsDir: join(dataDir, 'assets') });
const backup = () => backupOf(places(), archive, '2026-11-25T09:00:00.000Z');
const restore = (encrypted = false) => restoreOf(places(), archive, { encrypted, lock: lockDataDir });

async function put(path: string, content: string | Uint8Array): Promise<void> {
  const file = join(dataDir, path);
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
  await writeFile(file, content, { mode: 0o600 });
}

async function putVersion(version: string): Promise<void> {
  store.insertVersion({ imageArn: ARN, version, state: 'SUCCESSFUL', status: 'ACTIVE', createdAt: 3, updatedAt: 4, config: { baseImageArn: 'b', buildRoleArn: 'r', codeArtifact: { uri: 's3://b/k' } } });
  const dir = `images/000000000000/web/${version}`;
  await put(`${dir}/template/ram`, 'ram');
  await put(`${dir}/template/manifest.json`, JSON.stringify({ machine: { vmm: 'QEMU 7.2.22' } }));
  await put(`${dir}/disk.raw`, '');
  await sparse(join(dataDir, dir, 'disk.raw'));
}

/** 2 GiB with a MiB of content in the middle. */
async function sparse(path: string): Promise<void> {
  await truncate(path, 2048 * MIB);
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(MIB, 'x'), 0, MIB, 1000 * MIB);
  await file.close();
}

async function putMicrovm(id: string, state: MicrovmState, content: string | Uint8Array = id): Promise<void> {
  store.insertMicrovm({
    id, accountId: '000000000000', endpointLabel: `label-${id}`, state, imageArn: ARN, imageVersion: '1.0', maximumDurationInSeconds: 28800,
    ingressNetworkConnectors: [], egressNetworkConnectors: [], startedAt: 5, startedSteady: 6, resumeOnStart: false,
  });
  await put(`microvms/${id}/disk0.0.qcow2`, content);
  if (state === 'SUSPENDED') await putSuspension(id, 'first');
}

/** As the engine does: whole, by rename. */
async function putSuspension(id: string, content: string): Promise<void> {
  await put(`microvms/${id}/suspension.new/pages`, content);
  await put(`microvms/${id}/suspension.new/manifest.json`, JSON.stringify({ content }));
  await rename(join(dataDir, `microvms/${id}/suspension.new`), join(dataDir, `microvms/${id}/suspension`));
}

/** All that was there goes, as on a new host. */
async function lose(): Promise<void> {
  store.close();
  await rm(dataDir, { recursive: true });
}

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'tdg-backup-')));
  dataDir = join(base, 'data');
  archive = join(base, 'backup.tar');
  await mkdir(dataDir, { mode: 0o700 });
  store = openStore(join(dataDir, 'tardigrade.db'));
  store.insertImage({ accountId: '000000000000', name: 'web', arn: ARN, state: 'CREATED', tags: {}, createdAt: 1, updatedAt: 2 });
  await putVersion('1.0');
  await put('credentials.json', '[]');
  await put('keys/ca.pem', 'authority');
  await put('logs/000000000000/group/stream', 'line\n');
});
afterEach(async () => {
  store.close();
  await rm(base, { recursive: true });
});

describe('backup and restore', () => {
  for (const name of ['backup.tar', 'backup.tar.zst']) {
    it(`${name}: what was there is there again, and holes are holes`, async () => {
      archive = join(base, name);
      await putMicrovm('microvm-1', 'SUSPENDED');
      await putMicrovm('microvm-2', 'RUNNING');
      await chmod(join(dataDir, 'images/000000000000/web/1.0/template/ram'), 0o640);
      const made = await backup();
      assert.deepEqual(made.units.map(({ path, vmm }) => [path, vmm]), [['images/000000000000/web/1.0', 'QEMU 7.2.22'], ['microvms/microvm-1', undefined]]);
      assert.deepEqual(made.running, ['microvm-2']);
      assert.ok((await stat(archive)).size < 4 * MIB);
      assert.equal((await stat(archive)).mode & 0o777, 0o600);
      assert.deepEqual((await readdir(base)).sort(), [name, 'data']);
      assert.deepEqual((await readdir(dataDir)).filter((entry) => entry.startsWith('.')), []);

      const [db, disk] = [store.getMicrovm('microvm-1'), join(dataDir, 'images/000000000000/web/1.0/disk.raw')];
      const blocks = (await stat(disk)).blocks;
      await lose();
      const restored = await restore();
      assert.equal(restored.createdAt, '2026-11-25T09:00:00.000Z');
      assert.deepEqual((await readdir(dataDir)).sort(), ['credentials.json', 'images', 'keys', 'lock', 'logs', 'microvms', 'tardigrade.db']);
      assert.deepEqual(await readdir(join(dataDir, 'microvms')), ['microvm-1']);
      assert.equal(await readFile(join(dataDir, 'microvms/microvm-1/suspension/pages'), 'utf8'), 'first');
      assert.equal(await readFile(join(dataDir, 'keys/ca.pem'), 'utf8'), 'authority');
      assert.equal((await stat(join(dataDir, 'images/000000000000/web/1.0/template/ram'))).mode & 0o777, 0o640);
      assert.equal((await stat(dataDir)).mode & 0o777, 0o700);
      const after = await stat(disk);
      assert.equal(after.size, 2048 * MIB);
      assert.ok(after.blocks <= blocks + 16, `${after.blocks} blocks, there were ${blocks}`);
      const file = await open(disk, 'r');
      assert.equal((await file.read(Buffer.alloc(1), 0, 1, 1000 * MIB + 5)).buffer.toString(), 'x');
      await file.close();
      store = openStore(join(dataDir, 'tardigrade.db'));
      assert.deepEqual(store.getMicrovm('microvm-1'), db);
      assert.equal(store.getVersion(ARN, '1.0')?.state, 'SUCCESSFUL');
    });
  }

  it('leaves out what is made anew, what is of no record, and the daemon\'s own', async () => {
    await put('build-cache/000000000000/layers.raw', 'layers');
    await put('assets/kernel-1/vmlinux', 'kernel');
    await put('images/000000000000/web/2.0/work/half', 'a build under way');
    await put('credentials.json.0123456789abcdef', 'on its way');
    const release = lockDataDir(dataDir);
    await backup();
    release();
    const { stdout } = await run('tar', ['--list', '--ignore-zeros', '--file', archive]);
    assert.doesNotMatch(stdout, /build-cache|vmlinux|2\.0|0123456789abcdef|lock/);
    assert.match(stdout, /^\.\/backup\.json\n/);
    assert.match(stdout, /SHA256\n$/);
  });

  it('a MicroVM that was resumed and suspended while it was copied is the later one', async () => {
    const id = 'microvm-busy';
    await putMicrovm(id, 'SUSPENDED', randomBytes(192 * MIB));
    const made = backup();
    const partial = async () => (await Promise.all((await readdir(base)).filter((name) => name.startsWith('.partial')).map((name) => stat(join(base, name))))).reduce((sum, { size }) => sum + size, 0);
    while ((await partial()) < 20 * MIB) await sleep(1);
    await rm(join(dataDir, `microvms/${id}/suspension`), { recursive: true });
    await put(`microvms/${id}/disk0.1.qcow2`, 'what it wrote since');
    await putSuspension(id, 'second');
    const at = (await made).units.find(({ kind }) => kind === 'microvm')?.at;
    assert.ok((at ?? 0) >= 2, `the copy that counts is number ${at ?? ''}, after one that does not`);
    await lose();
    await restore();
    assert.equal(await readFile(join(dataDir, `microvms/${id}/suspension/pages`), 'utf8'), 'second');
    assert.deepEqual((await readdir(join(dataDir, `microvms/${id}`))).sort(), ['disk0.0.qcow2', 'disk0.1.qcow2', 'suspension']);
  });

  it('a MicroVM that was terminated while it was copied is not in it', async () => {
    const id = 'microvm-gone';
    await putMicrovm(id, 'SUSPENDED', randomBytes(64 * MIB));
    await putMicrovm('microvm-stays', 'SUSPENDED');
    const made = backup();
    while (!(await readdir(base)).some((name) => name.startsWith('.partial'))) await sleep(1);
    store.updateMicrovm(id, { state: 'TERMINATED' });
    await rm(join(dataDir, `microvms/${id}`), { recursive: true });
    assert.deepEqual((await made).units.filter(({ kind }) => kind === 'microvm').map(({ path }) => path), ['microvms/microvm-stays']);
    await lose();
    await restore();
    assert.deepEqual(await readdir(join(dataDir, 'microvms')), ['microvm-stays']);
  });
});

describe('a backup is refused', () => {
  it('of no data folder', () => assert.rejects(backupOf({ dataDir: join(base, 'none'), assetsDir: base }, archive, ''), /there is no data folder .*none/));

  it('into the data folder', async () => {
    archive = join(dataDir, 'backup.tar');
    await assert.rejects(backup(), /would be inside the data folder/);
  });

  it('where something is encrypted, and leaves nothing behind', async () => {
    await put('keys/accounts/111122223333.json', '{}');
    await assert.rejects(backup(), /encrypted images or MicroVMs \(accounts 111122223333\).*docs\/encryption\.md/);
    assert.deepEqual(await readdir(base), ['data']);
  });

  it('when files that the records speak of are lost', async () => {
    await rm(join(dataDir, 'images/000000000000/web/1.0/template/manifest.json'));
    await assert.rejects(backup(), /web\/1\.0 is not whole.*template\/manifest\.json is not there/);
    assert.deepEqual(await readdir(base), ['data']);
  });

  it('when the disk is full, and leaves nothing behind', async () => {
    archive = '/dev/full/backup.tar';
    await assert.rejects(backup());
    assert.deepEqual((await readdir(dataDir)).filter((name) => name.startsWith('.')), []);
  });
});

describe('a restore is refused', () => {
  beforeEach(async () => {
    await putMicrovm('microvm-1', 'SUSPENDED', randomBytes(2 * MIB));
    await backup();
  });
  const nothingThere = async () => assert.deepEqual((await readdir(dataDir).catch(() => [])).filter((name) => name !== 'lock'), []);

  for (const [what, damage, message] of [
    ['for one flipped bit', async () => {
      const file = await open(archive, 'r+');
      const { size } = await file.stat();
      const byte = Buffer.alloc(1);
      await file.read(byte, 0, 1, size - MIB);
      await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, size - MIB);
      await file.close();
    }, /is damaged: its SHA-256 is|cannot be read to its end/],
    ['for one cut short', async () => truncate(archive, (await stat(archive)).size - 10_240), /is cut short|cannot be read to its end/],
    ['for one cut in the middle', async () => truncate(archive, (await stat(archive)).size / 2), /is cut short|cannot be read to its end/],
    ['for another file', () => writeFile(archive, 'hello'), /is no backup of this program/],
    ['for another archive', () => run('tar', ['--create', '--file', archive, '--directory', base, './data/credentials.json']), /is no backup of this program/],
    ['for none', () => rm(archive), /there is no backup/],
  ] as const) {
    it(`${what}, and the folder stays empty`, async () => {
      await damage();
      await lose();
      await assert.rejects(restore(), message);
      await nothingThere();
    });
  }

  it('for a damaged one through zstd', async () => {
    archive = join(base, 'backup.tar.zst');
    await backup();
    await truncate(archive, (await stat(archive)).size - 1000);
    await lose();
    await assert.rejects(restore(), /cannot be read to its end|is cut short/);
    await nothingThere();
  });

  it('into a folder that holds something', async () => {
    await assert.rejects(restore(), /is not empty \(credentials\.json/);
    assert.ok(await there(join(dataDir, 'tardigrade.db')));
  });

  it('into another folder', async () => {
    await lose();
    dataDir = join(base, 'elsewhere');
    await assert.rejects(restore(), /is of the data folder .*\/data, not of .*\/elsewhere/);
  });

  it('while a daemon serves the folder', async () => {
    const release = lockDataDir(dataDir);
    await assert.rejects(restore(), /another Tardigrade serves/);
    release();
  });

  it('where new data is to be encrypted', async () => {
    await lose();
    await assert.rejects(restore(true), /TARDIGRADE_ENCRYPTION=1.*unencrypted/);
  });
});
