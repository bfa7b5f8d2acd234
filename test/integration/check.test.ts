/** `tardigrade check` of the Flask example, as a person runs it; its figures against launches timed as the benchmark does. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { ListMicrovmsCommand } from '@aws-sdk/client-lambda-microvms';
import type { Report } from '../../src/check/contracts.js';
import { percentile } from '../../src/check/percentiles.js';
import { runCli, startCli } from './support/cli.js';
import { flaskImage } from './support/images.js';
import { runVm } from './support/microvms.js';
import { closeShared, type Service, sharedService } from './support/service.js';

const ROUNDS = 7;

describe('check', () => {
  let service: Service;
  let image: string;
  let folder: string;
  before(async () => {
    service = await sharedService();
    image = await flaskImage('ready');
    folder = await mkdtemp(join(tmpdir(), 'tardigrade-check-'));
  });
  after(async () => {
    await rm(folder, { recursive: true });
    await closeShared();
  });

  const living = async (): Promise<string[]> => {
    const { items } = await service.microvms.send(new ListMicrovmsCommand({ imageIdentifier: image, maxResults: 50 }));
    return (items ?? []).filter(({ state }) => state !== 'TERMINATED').map(({ microvmId }) => microvmId ?? '');
  };

  it('all four validations hold for the Flask example, and nothing is left', { timeout: 240_000 }, async (t) => {
    const page = join(folder, 'report.html');
    const file = join(folder, 'report.json');
    const { code, stdout, stderr } = await runCli(service, ['check', 'flask-ready', '-n', String(ROUNDS), '--html', page, '--output', file, '--requests-per-hour', '12']);
    const text = stdout.toString();
    assert.equal(code, 0, `${text}\n${stderr}`);
    const report = JSON.parse(await readFile(file, 'utf8')) as Report;
    t.diagnostic(`took ${report.seconds.toFixed(0)} s`);
    assert.deepEqual([report.verdict, report.left], ['pass', []]);
    for (const section of [report.speed, report.idle, report.boundary, report.cleanup]) assert.equal(section?.verdict, 'pass');

    const outcome = (name: string): string | undefined => [...(report.boundary?.findings ?? []), ...(report.cleanup?.findings ?? [])].find((finding) => finding.name === name)?.outcome;
    const inside = report.boundary?.findings.filter(({ name }) => name.startsWith('inside: ')) ?? [];
    assert.ok(inside.length >= 13, `${inside.length} attempts`);
    assert.deepEqual(inside.filter(({ outcome: is }) => is !== 'held').map(({ name, seen }) => `${name}: ${seen}`), [], 'the image has all that the probe needs');
    assert.equal(outcome('nothing of them is left on the host'), 'held');
    assert.equal(outcome('the guest\'s kernel panics'), 'not-checked');

    const [speed, idle] = [report.speed?.data, report.idle?.data];
    assert.ok(speed !== undefined && idle !== undefined);
    assert.equal(speed.launch.samples.length, ROUNDS);
    assert.equal(idle.pattern.requestsPerHour, 12);
    assert.ok(idle.measured.suspendedBytes > 1e6 && idle.measured.suspendWrittenBytes > 1e6);
    assert.ok(idle.asDescribed.cost < idle.alwaysOn.cost);
    assert.match(text, /^PASS in /m);
    assert.match(await readFile(page, 'utf8'), /<svg [^>]*role="img"/);
    assert.deepEqual(await living(), []);

    const ours = speed.launch.percentiles.p50;
    const bench = percentile(await launches(), 0.5);
    t.diagnostic(`launch: check ${ours.toFixed(0)} ms, timed by the SDK ${bench.toFixed(0)} ms, ratio ${(ours / bench).toFixed(2)}`);
    assert.ok(ours / bench > 1 / 3 && ours / bench < 3, 'as far apart as a busy machine is, no further');
  });

  /** As bench/launch.ts times them. */
  async function launches(): Promise<number[]> {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await pause(500);
      const started = performance.now();
      const vm = await runVm(service, image);
      assert.equal((await vm.http.send('/')).status, 200);
      times.push(performance.now() - started);
      await vm.terminate();
    }
    return times;
  }

  it('fails for a page that is not there, for a bound that is missed, and says what to do', { timeout: 120_000 }, async () => {
    const nowhere = await runCli(service, ['check', 'flask-ready', '--only', 'speed', '-n', '1', '--path', '/nowhere']);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stdout.toString(), /GET \/nowhere at port 8080 answers 404, not 200: name a page that answers 200 by --path/);
    const slow = await runCli(service, ['check', image, '--only', 'speed', '-n', '1', '--max-launch', '1', '--json']);
    assert.equal(slow.code, 1);
    const { speed, idle } = JSON.parse(slow.stdout.toString()) as Report;
    assert.deepEqual([speed?.verdict, idle], ['fail', undefined]);
    assert.equal(speed?.findings.find(({ name }) => name === 'launch, 90th percentile')?.outcome, 'failed');
    const unknown = await runCli(service, ['check', 'no-such-image']);
    assert.equal(unknown.code, 3);
    assert.match(unknown.stderr, /there is no image 'no-such-image'/);
    assert.deepEqual(await living(), []);
  });

  it('Ctrl-C in the middle ends all it made', { timeout: 120_000 }, async ({ signal }) => {
    const cli = startCli(service, ['check', 'flask-ready', '--only', 'boundary,cleanup']);
    while ((await living()).length < 4) await pause(50, undefined, { signal });
    cli.child.kill('SIGINT');
    const { code, stderr } = await cli.result;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /broken off/);
    assert.deepEqual(await living(), []);
  });
});
