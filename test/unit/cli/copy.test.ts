/** Archives of a guest, which may be hostile, and of this host. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { pack as createPack, type Header } from 'tar-stream';
import { pack } from '../../../src/cli/copy/pack.js';
import { readTar } from '../../../src/cli/copy/tar-reader.js';
import { unpack } from '../../../src/cli/copy/unpack.js';

async function scratch(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-copy-'));
  t.after(async () => {
    await promisify(execFile)('chmod', ['-R', 'u+rwx', dir]);
    await rm(dir, { recursive: true });
  });
  return dir;
}

type Member = Partial<Header> & { readonly name: string; readonly body?: string };

function archive(...members: readonly Member[]): Promise<Buffer> {
  const tar = createPack();
  for (const { body = '', ...header } of members) tar.entry(header, body);
  tar.finalize();
  return buffer(tar as AsyncIterable<Buffer>);
}

const source = (bytes: Buffer, chunk = 700): AsyncIterable<Buffer> => Readable.from((function* () {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
})());

const unwarned = (text: string): void => assert.equal(text, '', 'no warning');
const folder = (name: string, mode = 0o755): Member => ({ name, type: 'directory', mode });
const link = (name: string, linkname: string): Member => ({ name, type: 'symlink', linkname });

/** Everything below a folder, a line each. */
async function inspect(root: string, below = ''): Promise<string[]> {
  const path = join(root, below);
  const info = await lstat(path);
  const what = info.isSymbolicLink() ? `-> ${await readlink(path)}` : info.isDirectory() ? 'folder' : (await readFile(path)).toString('base64').slice(0, 20);
  const lines = [`${below} ${info.isSymbolicLink() ? '' : `${(info.mode & 0o7777).toString(8)} ${Math.floor(info.mtimeMs / 1000)} `}${what}`];
  if (info.isDirectory()) for (const name of (await readdir(path)).sort()) lines.push(...(await inspect(root, join(below, name))));
  return lines;
}

async function sampleTree(root: string): Promise<void> {
  await mkdir(join(root, 'sub/deep'), { recursive: true });
  await mkdir(join(root, 'empty'));
  await writeFile(join(root, 'sub/run'), '#!/bin/sh\n');
  await chmod(join(root, 'sub/run'), 0o750);
  await writeFile(join(root, `${'long '.repeat(48)}λ`), 'x'.repeat(70_000));
  await writeFile(join(root, 'sub/deep/none'), '');
  await symlink('/nowhere/else', join(root, 'sub/link'));
  await utimes(join(root, 'sub/run'), 1e9, 1e9);
  await utimes(join(root, 'sub'), 1.5e9, 1.5e9);
  await chmod(join(root, 'sub'), 0o555);
}

test('what is packed here is unpacked the same, by name, into a folder, and over itself', async (t) => {
  const dir = await scratch(t);
  const tree = join(dir, 'tree');
  await sampleTree(tree);
  const wanted = await inspect(tree);
  await unpack(pack(tree, unwarned) as AsyncIterable<Buffer>, join(dir, 'copy'), 'tree');
  assert.deepEqual(await inspect(join(dir, 'copy')), wanted);
  await unpack(pack(`${tree}/.`, unwarned) as AsyncIterable<Buffer>, join(dir, 'copy'), '.');
  assert.deepEqual(await inspect(join(dir, 'copy')), wanted);
  await mkdir(join(dir, 'into'));
  await unpack(pack(tree, unwarned) as AsyncIterable<Buffer>, join(dir, 'into'), 'tree');
  assert.deepEqual(await inspect(join(dir, 'into/tree')), wanted);
});

test('GNU tar and this reader agree on what pack wrote', async (t) => {
  const dir = await scratch(t);
  await sampleTree(join(dir, 'tree'));
  await writeFile(join(dir, 'tree.tar'), await buffer(pack(join(dir, 'tree'), unwarned)));
  await mkdir(join(dir, 'gnu'));
  await promisify(execFile)('tar', ['-xpf', join(dir, 'tree.tar'), '-C', join(dir, 'gnu')]);
  assert.deepEqual(await inspect(join(dir, 'gnu/tree')), await inspect(join(dir, 'tree')));
});

test('what is neither file, folder nor link is left out with a word', async (t) => {
  const dir = await scratch(t);
  await promisify(execFile)('mkfifo', [join(dir, 'fifo')]);
  const warnings: string[] = [];
  await buffer(pack(dir, (text) => warnings.push(text)));
  assert.match(warnings.join(), /fifo: left out/);
  await assert.rejects(buffer(pack(join(dir, 'none'), unwarned)), { code: 'ENOENT' });
});

test('a hostile archive writes nothing outside, through a link, or with more than rwx', async (t) => {
  const dir = await scratch(t);
  const outside = join(dir, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'file'), 'untouched');
  const hostile: [what: string, members: Member[], error: RegExp][] = [
    ['a name upwards', [folder('x'), { name: 'x/../../outside/file', body: 'evil' }], /not below/],
    ['an absolute name', [folder('x'), { name: '/etc/evil', body: 'evil' }], /not below/],
    ['another root', [folder('y'), { name: 'y/file', body: 'evil' }], /not below/],
    ['another root later', [folder('x'), { name: 'y/file', body: 'evil' }], /not below/],
    ['an empty part', [folder('x'), { name: 'x//file', body: 'evil' }], /not below/],
    ['the root twice', [folder('x'), link('x', '../outside')], /without its folder/],
    ['a file through its own link', [folder('x'), link('x/to', '../outside'), { name: 'x/to/file', body: 'evil' }], /without its folder/],
    ['a folder over its own link', [folder('x'), link('x/to', '../outside'), folder('x/to'), { name: 'x/to/file', body: 'evil' }], /is there and no folder/],
    ['a file without its folder', [folder('x'), { name: 'x/to/file', body: 'evil' }], /without its folder/],
    ['a link over a folder of its own', [folder('x'), folder('x/to'), link('x/to', '../outside')], /is a folder/],
    ['a hard link', [folder('x'), { name: 'x/hard', type: 'link', linkname: '../outside/file' }], /neither a file nor a folder nor a link/],
    ['a device', [folder('x'), { name: 'x/null', type: 'character-device', devmajor: 1, devminor: 3 }], /neither a file/],
    ['a FIFO', [folder('x'), { name: 'x/fifo', type: 'fifo' }], /neither a file/],
    ['nothing', [], /is empty/],
    ['a member before the root', [{ name: 'x/file', body: 'evil' }], /begins with/],
  ];
  for (const [what, members, error] of hostile) {
    const target = join(dir, 'x');
    await assert.rejects(unpack(source(await archive(...members)), target, 'x'), error, what);
    await rm(target, { recursive: true, force: true });
    assert.deepEqual((await readdir(dir)).sort(), ['outside'], what);
    assert.deepEqual([await readdir(outside), await readFile(join(outside, 'file'), 'utf8')], [['file'], 'untouched'], what);
  }
  // A link of its own is replaced by a file of the same name, not written through.
  await unpack(source(await archive(folder('x'), link('x/to', '../outside/file'), { name: 'x/to', body: 'own', mode: 0o6777 })), join(dir, 'x'), 'x');
  assert.equal(await readFile(join(outside, 'file'), 'utf8'), 'untouched');
  assert.equal((await lstat(join(dir, 'x/to'))).mode & 0o7777, 0o777, 'setuid and setgid are dropped');
});

test('links that stand in the target are not followed either', async (t) => {
  const dir = await scratch(t);
  await mkdir(join(dir, 'outside'));
  await writeFile(join(dir, 'outside/file'), 'untouched');
  await mkdir(join(dir, 'target/x'), { recursive: true });
  await symlink('../../outside', join(dir, 'target/x/to'));
  await symlink('../../outside/file', join(dir, 'target/x/file'));
  await assert.rejects(unpack(source(await archive(folder('x'), folder('x/to'), { name: 'x/to/file', body: 'evil' })), join(dir, 'target'), 'x'), /no folder, or a link to one/);
  await unpack(source(await archive(folder('x'), { name: 'x/file', body: 'new' })), join(dir, 'target'), 'x');
  assert.deepEqual([await readFile(join(dir, 'target/x/file'), 'utf8'), await readFile(join(dir, 'outside/file'), 'utf8')], ['new', 'untouched']);
  // A link that an earlier copy may have left where the root goes.
  await symlink('outside', join(dir, 'y'));
  await assert.rejects(unpack(source(await archive(folder('y'), { name: 'y/file', body: 'evil' })), dir, 'y'), /no folder, or a link to one/);
  assert.equal(await readFile(join(dir, 'outside/file'), 'utf8'), 'untouched');
  // The person's own link to a folder is a place like any other.
  await unpack(source(await archive({ name: 'z', body: 'new' })), join(dir, 'y'), 'z');
  assert.equal(await readFile(join(dir, 'outside/z'), 'utf8'), 'new');
});

test('places are chosen as cp does', async (t) => {
  const dir = await scratch(t);
  await writeFile(join(dir, 'file'), 'old');
  await mkdir(join(dir, 'folder/a'), { recursive: true });
  const refusals: [member: Member, path: string, error: RegExp][] = [
    [folder('a'), 'file', /is a file/], [{ name: 'a' }, 'new/', /there is no folder/], [{ name: 'a' }, 'none/new', /there is no folder/], [{ name: 'a' }, 'folder', /is a folder/],
  ];
  for (const [member, path, error] of refusals) await assert.rejects(unpack(source(await archive(member)), `${dir}/${path}`, 'a'), error, path);
  await unpack(source(await archive({ name: 'a', body: 'new' })), join(dir, 'file'), 'a');
  assert.equal(await readFile(join(dir, 'file'), 'utf8'), 'new');
});

async function members(bytes: Buffer, chunk: number): Promise<unknown[] | string> {
  const seen: unknown[] = [];
  try {
    for await (const { content, ...member } of readTar(source(bytes, chunk))) seen.push({ ...member, body: (await buffer(content)).toString('base64') });
    return seen;
  } catch (error) {
    assert.ok(error instanceof Error && /^the archive /.test(error.message), String(error));
    return error.message;
  }
}

test('an archive of any names, sizes and times is read back as it was written', async () => {
  const name = fc.stringMatching(/^[a-zλ ]{1,9}(\/[a-zλ.]{1,120}){0,3}$/);
  const member = fc.oneof(
    fc.record({ name, type: fc.constant('file' as const), mode: fc.integer({ min: 1, max: 0o7777 }), mtime: fc.integer({ min: 0, max: 2 ** 31 - 1 }), body: fc.string({ maxLength: 1500 }) }),
    fc.record({ name, type: fc.constant('directory' as const), mode: fc.integer({ min: 1, max: 0o7777 }), mtime: fc.integer({ min: 0, max: 2 ** 31 - 1 }), body: fc.constant('') }),
    fc.record({ name, type: fc.constant('symlink' as const), mode: fc.constant(0o777), mtime: fc.integer({ min: 0, max: 2 ** 31 - 1 }), body: fc.constant(''), linkname: name }),
  );
  await fc.assert(fc.asyncProperty(fc.array(member, { maxLength: 5 }), fc.integer({ min: 1, max: 2000 }), async (written, chunk) => {
    const bytes = await archive(...written.map(({ mtime, ...rest }) => ({ ...rest, mtime: new Date(mtime * 1000) })));
    assert.deepEqual(await members(bytes, chunk), written.map(({ name: path, type, mode, mtime, body, ...rest }) => ({
      name: path, type: type === 'directory' ? 'folder' : type === 'symlink' ? 'link' : 'file', mode, modified: mtime, size: Buffer.byteLength(body),
      target: 'linkname' in rest ? rest.linkname : '', body: Buffer.from(body).toString('base64'),
    })));
  }), { numRuns: 300 });
});

test('no bytes break the reader, whatever is changed in an archive', async () => {
  const whole = await archive(folder('x'), { name: `x/${'n'.repeat(150)}λ`, body: 'content' }, link('x/l', 'target'), { name: 'x/b', body: 'y'.repeat(1000) });
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 });
  await fc.assert(fc.asyncProperty(changes, fc.nat(whole.length), fc.boolean(), async (edits, end, mend) => {
    const bytes = Buffer.from(whole.subarray(0, end));
    for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
    if (mend) for (let at = 0; at + 512 <= bytes.length; at += 512) mendChecksum(bytes.subarray(at, at + 512));
    await members(bytes, 600);
  }), { numRuns: 5000 });
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
    await members(Buffer.from(bytes), 512);
  }), { numRuns: 2000 });
});

/** So that what was changed is not stopped by the checksum. */
function mendChecksum(header: Buffer): void {
  if (header.toString('latin1', 257, 262) !== 'ustar') return;
  header.fill(0x20, 148, 156);
  header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

test('announced sizes take no memory', async () => {
  const header = (await archive({ name: 'x', body: 'y' })).subarray(0, 512);
  const sized = (type: string, size: string): Buffer => {
    const copy = Buffer.from(header);
    copy.write(type, 156);
    copy.write(size, 124, 'latin1');
    mendChecksum(copy);
    return copy;
  };
  assert.match(String(await members(sized('x', '77777777777\0'), 512)), /extended headers of 8589934591 bytes; the limit is 65536/);
  assert.match(String(await members(sized('0', '77777777777\0'), 512)), /ends in the middle/);
});
