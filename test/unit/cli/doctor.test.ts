/** The command on this very host, whatever it is like. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { doctor } from '../../../src/cli/commands/doctor.js';
import { type Config, loadConfig } from '../../../src/config/config.js';
import { CHECKS } from '../../../src/doctor/checks.js';
import type { Finding, Level } from '../../../src/doctor/contracts.js';

interface Report {
  readonly summary: Record<Level, number>;
  readonly findings: readonly Finding[];
}

async function setUp(t: TestContext): Promise<Config> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tardigrade-doctor-'));
  t.after(() => rm(dataDir, { recursive: true }));
  return { ...loadConfig({ TARDIGRADE_DATA_DIR: dataDir, TARDIGRADE_ASSETS_DIR: join(dataDir, 'assets') }), apiPort: 0, endpointPort: 0 };
}

async function report(config: Config): Promise<Report & { code: number }> {
  let out = '';
  const code = await doctor({ result: (value) => (out += JSON.stringify(value)) }, config);
  return { ...(JSON.parse(out) as Report), code };
}

test('JSON: each check once or more, counts that fit, exit code by errors', async (t) => {
  const { summary, findings, code } = await report(await setUp(t));
  assert.deepEqual([...new Set(findings.map(({ check }) => check))], CHECKS.map(({ name }) => name));
  for (const [level, count] of Object.entries(summary)) assert.equal(findings.filter((finding) => finding.level === level).length, count);
  assert.equal(code, summary.error === 0 ? 0 : 1);
});

test('what is wrong is found: a port in use with its process, an open file', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const config = { ...(await setUp(t)), apiPort: (server.address() as AddressInfo).port };
  const file = join(config.dataDir, 'tardigrade.db');
  await writeFile(file, '');
  await chmod(file, 0o640);
  const { findings, code } = await report(config);
  const of = (check: string): Finding | undefined => findings.find((finding) => finding.check === check && finding.level !== 'ok');
  assert.equal(of('ports')?.level, 'error');
  assert.match(of('ports')?.seen ?? '', new RegExp(`in use by process ${process.pid} `));
  assert.equal(of('data-folder')?.fix, `chmod go-rwx ${file}`);
  assert.equal(code, 1);
});

test('a host without any program: no crash, each is told with its package', async (t) => {
  const path = process.env.PATH;
  process.env.PATH = '/nonexistent';
  t.after(() => (process.env.PATH = path));
  const { findings, code } = await report(await setUp(t));
  assert.equal(code, 1);
  const programs = findings.filter(({ check }) => check === 'programs');
  assert.ok(programs.length > 5);
  for (const { level, fix } of programs) {
    assert.notEqual(level, 'ok');
    assert.match(fix ?? '', /^apt-get install /);
  }
  assert.match(findings.find(({ check }) => check === 'firewall')?.seen ?? '', /^could not be read: /);
});

test('text: why and fix below each finding that is not ok, counts at the end', async (t) => {
  const config = { ...(await setUp(t)), accelerator: 'tcg' as const };
  let out = '';
  await doctor({ result: (_value, text) => (out += text()) }, config);
  assert.match(out, /^note {5}kvm +not used: TARDIGRADE_ACCELERATOR=tcg\n +why: .*\n +fix: unset TARDIGRADE_ACCELERATOR$/m);
  assert.match(out, /\n\n\d+ ok, \d+ notes?, \d+ warnings?, \d+ errors?\n$/);
});
