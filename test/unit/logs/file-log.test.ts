import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createFileLog } from '../../../src/logs/file-log.js';
import { encodeName, streamFile } from '../../../src/logs/names.js';

const TIME = Date.UTC(2026, 6, 1, 12, 0, 0, 5);
const STAMP = '2026-07-01T12:00:00.005Z';

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

describe('file log', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'logs-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('keeps lines with their time, in order, readable after close', async () => {
    const log = createFileLog(dir);
    const writer = log.stream('/aws/lambda-microvms/web', '2026/07/01[1.0]microvm-1');
    for (let i = 0; i < 500; i++) writer.write(TIME, `line ${i}`);
    await writer.close();
    const lines = await collect(log.read('/aws/lambda-microvms/web', '2026/07/01[1.0]microvm-1'));
    assert.deepEqual(lines, Array.from({ length: 500 }, (_, i) => `${STAMP} line ${i}`));
  });

  it('is for its owner only', async () => {
    const log = createFileLog(dir);
    const writer = log.stream('g', 's');
    writer.write(TIME, 'secret of the application');
    await writer.close();
    assert.equal((await stat(join(dir, 'g'))).mode & 0o777, 0o700);
    assert.equal((await stat(join(dir, 'g', 's.log'))).mode & 0o777, 0o600);
  });

  it('keeps one line one line, and survives any time a guest claims', async () => {
    const log = createFileLog(dir);
    const writer = log.stream('g', 's');
    writer.write(TIME, 'a\nb\r\nc');
    for (const time of [NaN, Infinity, -1e300]) writer.write(time, 'x');
    await writer.close();
    const lines = await collect(log.read('g', 's'));
    assert.equal(lines[0], `${STAMP} a\\nb\\nc`);
    assert.deepEqual(lines.slice(1), Array<string>(3).fill('1970-01-01T00:00:00.000Z x'));
  });

  it('appends to what an earlier run left', async () => {
    for (const text of ['one', 'two']) {
      const writer = createFileLog(dir).stream('g', 's');
      writer.write(TIME, text);
      await writer.close();
    }
    assert.deepEqual(await collect(createFileLog(dir).read('g', 's')), [`${STAMP} one`, `${STAMP} two`]);
  });

  it('lets several writers share a stream, also while one closes', async () => {
    const log = createFileLog(dir);
    const first = log.stream('g', 's');
    const second = log.stream('g', 's');
    first.write(TIME, '1');
    await first.close();
    second.write(TIME, '2');
    const closing = second.close();
    const third = log.stream('g', 's');
    third.write(TIME, '3');
    await closing;
    third.write(TIME, '4');
    await third.close();
    first.write(TIME, 'after close');
    assert.deepEqual((await collect(log.read('g', 's'))).map((line) => line.slice(-1)), ['1', '2', '3', '4']);
  });

  it('rotates at the size limit and keeps so many files', async () => {
    const log = createFileLog(dir, { maxBytes: 300, files: 3 });
    const writer = log.stream('g', 's');
    for (let i = 0; i < 100; i++) {
      writer.write(TIME, `line ${i}`);
      await new Promise(setImmediate);
      await new Promise(setImmediate);
    }
    await writer.close();
    const files = await readdir(join(dir, 'g'));
    assert.deepEqual(files.sort(), ['s.log', 's.log.1', 's.log.2']);
    for (const file of files) assert.ok((await stat(join(dir, 'g', file))).size <= 300, file);
    const lines = await collect(log.read('g', 's'));
    const numbers = lines.map((line) => Number(line.split(' ')[2]));
    assert.equal(numbers.at(-1), 99);
    assert.deepEqual(numbers, Array.from({ length: numbers.length }, (_, i) => 100 - numbers.length + i));
  });

  it('reads nothing from a stream that is not there', async () => {
    assert.deepEqual(await collect(createFileLog(dir).read('no', 'such')), []);
  });

  it('counts what the disk refuses, tells of it, and closes all the same', async () => {
    await writeFile(join(dir, 'g'), 'a file where the folder should be');
    const errors: unknown[] = [];
    const log = createFileLog(dir, { onError: (error) => errors.push(error) });
    const writer = log.stream('g', 's');
    writer.write(TIME, 'lost 1');
    writer.write(TIME, 'lost 2');
    for (let i = 0; errors.length === 0; i++) {
      assert.ok(i < 10_000, 'the failure was never reported');
      await new Promise(setImmediate);
    }
    await rm(join(dir, 'g'));
    writer.write(TIME, 'kept');
    await writer.close();
    const lines = await collect(log.read('g', 's'));
    assert.match(lines[0] ?? '', /\[2 log lines lost: /);
    assert.equal(lines[1], `${STAMP} kept`);
  });

  it('drops and counts lines when far more come than the disk takes', async () => {
    const log = createFileLog(dir);
    const writer = log.stream('g', 's');
    const text = 'x'.repeat(64 * 1024);
    for (let i = 0; i < 200; i++) writer.write(TIME, text);
    writer.write(TIME, 'dropped');
    await new Promise((resolve) => setTimeout(resolve, 1));
    await writer.close();
    const kept = (await collect(log.read('g', 's'))).filter((line) => line.endsWith('x')).length;
    assert.ok(kept >= 60 && kept < 70, String(kept));
  });
});

describe('encoded names', () => {
  it('cannot leave the folder', () => {
    for (const name of ['.', '..', '../../etc/passwd', '/abs', 'a/b', 'nul\0', '', '\u{1F600}', 'x'.repeat(512), '%2e%2e']) {
      assert.match(encodeName(name), /^[A-Za-z0-9_%~-]+$/, name);
      assert.ok(encodeName(name).length < 240);
      assert.ok(streamFile('/logs', name, name).startsWith('/logs/'));
    }
  });

  it('are different for different names', () => {
    const names = ['a', 'A', 'a/b', 'a%2Fb', 'a.b', '.', '..', '', 'x'.repeat(201), 'x'.repeat(202), `${'x'.repeat(201)}y`, 'é', 'e\u0301'];
    assert.equal(new Set(names.map(encodeName)).size, names.length);
  });
});
