import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { logs } from '../../../src/cli/logs.js';
import { loadConfig, type Config } from '../../../src/config/config.js';
import { createLogStore } from '../../../src/logs/store.js';

const TIME = Date.UTC(2026, 6, 1, 12);
const other = '111111111111';

async function setUp(t: TestContext): Promise<{ config: Config; write: (stream: string, text: string, ms: number, account?: string) => Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tardigrade-cli-'));
  t.after(() => rm(dataDir, { recursive: true }));
  const config = loadConfig({ TARDIGRADE_DATA_DIR: dataDir });
  const store = createLogStore(join(dataDir, 'logs'));
  return {
    config,
    async write(stream, text, ms, account = config.accountId) {
      const writer = store.stream(account, 'g', stream);
      writer.write(TIME + ms, text);
      await writer.close();
    },
  };
}

async function printed(config: Config, ...args: string[]): Promise<string> {
  let out = '';
  await logs(args, config, (text) => (out += text));
  return out;
}

test('prints a stream, or all of a group in the order of time', async (t) => {
  const { config, write } = await setUp(t);
  await write('a', 'one', 1);
  await write('b', 'two', 2);
  await write('a', 'three', 3);
  await write('a', "another account's", 1, other);
  assert.equal(await printed(config, 'g', 'a'), '2026-07-01T12:00:00.001Z one\n2026-07-01T12:00:00.003Z three\n');
  assert.equal(await printed(config, 'g'), '2026-07-01T12:00:00.001Z a one\n2026-07-01T12:00:00.002Z b two\n2026-07-01T12:00:00.003Z a three\n');
  assert.equal(await printed(config, 'g', '--account', other), "2026-07-01T12:00:00.001Z a another account's\n");
});

test('says what is not there', async (t) => {
  const { config, write } = await setUp(t);
  await assert.rejects(printed(config), /needs a group/);
  await assert.rejects(printed(config, 'none'), /no log group 'none'/);
  await write('a', 'one', 1);
  await assert.rejects(printed(config, 'g', 'none'), /no log group 'g' with a stream 'none'/);
});

test('follows a group, also before it is there', { timeout: 60_000 }, async (t) => {
  const { config, write } = await setUp(t);
  const stop = new AbortController();
  let out = '';
  await logs(['g', '--follow'], config, (text) => {
    out += text;
    if (text.includes('two')) stop.abort();
    else void write('b', 'two', 2);
  }, (setTimeout(() => void write('a', 'one', 1), 10), stop.signal));
  assert.equal(out, '2026-07-01T12:00:00.001Z a one\n2026-07-01T12:00:00.002Z b two\n');
});
