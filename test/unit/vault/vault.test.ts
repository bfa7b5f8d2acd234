/** The vault on a real file system with the kernel's encryption; root is needed for the loop device. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, open as openFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ioctl } from '../../../src/engine/linux/libc.js';
import { destroyKey, openVault } from '../../../src/vault/vault.js';
import { type EncryptingDisk, makeEncryptingDisk } from './encrypting-disk.js';

const A = '111111111111';
const B = '222222222222';

describe('vault', { skip: process.getuid?.() === 0 ? false : 'root is needed for a loop device' }, () => {
  let disk: EncryptingDisk;
  let dataDir: string;
  before(async () => {
    disk = await makeEncryptingDisk(64);
    dataDir = join(disk.root, 'data');
    await mkdir(dataDir);
  });
  after(() => disk.remove());

  const open = (enabled = true) => openVault({ dataDir, enabled, ioctl });

  it('keeps what is in a protected folder off the disk in readable form, and reads it again with the key only', async () => {
    const [secret, control] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
    const vault = await open();
    for (const name of ['a', 'b', 'open']) await mkdir(join(dataDir, name));
    await vault.protect(A, join(dataDir, 'a'));
    await vault.protect(B, join(dataDir, 'b'));
    await mkdir(join(dataDir, 'a', 'below'));
    await writeFile(join(dataDir, 'a', 'below', 'telling-name'), `${secret}\n`.repeat(10_000));
    await writeFile(join(dataDir, 'b', 'file'), secret);
    await writeFile(join(dataDir, 'open', 'file'), control.repeat(100));
    // The search finds what is not encrypted.
    assert.deepEqual(await disk.holding([control, secret, 'telling-name']), [control]);

    await vault.close();
    await assert.rejects(readFile(join(dataDir, 'a', 'below', 'telling-name')), { code: 'ENOENT' });
    assert.equal((await readdir(join(dataDir, 'a'))).includes('below'), false);

    const again = await open(false); // turned off meanwhile: what is encrypted is used all the same
    assert.equal((await readFile(join(dataDir, 'a', 'below', 'telling-name'), 'utf8')).slice(0, 64), secret);
    await mkdir(join(dataDir, 'later'));
    await again.protect(A, join(dataDir, 'later'));
    await writeFile(join(dataDir, 'later', 'file'), `${control}-later`);
    assert.deepEqual(await disk.holding([`${control}-later`]), [`${control}-later`]);
    await again.close();
  });

  it('destroys the key of one account, of that one alone', async () => {
    assert.equal(await destroyKey({ dataDir, ioctl }, A), 'destroyed');
    const vault = await open();
    await assert.rejects(readFile(join(dataDir, 'a', 'below', 'telling-name')), { code: 'ENOENT' });
    assert.equal((await readFile(join(dataDir, 'b', 'file'), 'utf8')).length, 64);
    // A new key for what comes, which opens nothing of before.
    await mkdir(join(dataDir, 'a2'));
    await vault.protect(A, join(dataDir, 'a2'));
    await writeFile(join(dataDir, 'a2', 'file'), 'new');
    assert.equal((await readdir(join(dataDir, 'a'))).includes('below'), false);
    // Its files can still be removed.
    await rm(join(dataDir, 'a'), { recursive: true });
    await vault.close();
    assert.equal(await destroyKey({ dataDir, ioctl }, '333333333333'), 'no-key');
  });

  it('destroys a key that a crashed daemon left in the kernel, and says so when files are still open', async () => {
    const vault = await open();
    const path = join(dataDir, 'b', 'file');
    const file = await openFile(path);
    assert.equal(await destroyKey({ dataDir, ioctl }, B), 'busy');
    assert.equal((await file.readFile('utf8')).length, 64, 'what is open stays so');
    await assert.rejects(writeFile(join(dataDir, 'b', 'new'), 'x'));
    await file.close();
    assert.deepEqual(await vault.close(), []);
    await assert.rejects(readFile(path), { code: 'ENOENT' });
  });

  it('makes one key for an account, however many folders are protected at once', async () => {
    const vault = await open();
    const account = '444444444444';
    const folders = Array.from({ length: 8 }, (_, i) => join(dataDir, `many-${i}`));
    await Promise.all(folders.map(async (folder) => {
      await mkdir(folder);
      await vault.protect(account, folder);
      await writeFile(join(folder, 'file'), 'x');
    }));
    await vault.close();
    const again = await open();
    for (const folder of folders) assert.equal(await readFile(join(folder, 'file'), 'utf8'), 'x');
    await again.close();
  });

  it('refuses to start where it cannot encrypt, and says what to do', async () => {
    const plain = await makeEncryptingDisk(16, '');
    try {
      await assert.rejects(openVault({ dataDir: plain.root, enabled: true, ioctl }), /tune2fs -O encrypt/);
      await assert.rejects(openVault({ dataDir: '/dev/shm', enabled: true, ioctl }), /CONFIG_FS_ENCRYPTION/);
      await (await openVault({ dataDir: plain.root, enabled: false, ioctl })).close();
    } finally {
      await plain.remove();
    }
  });
});
