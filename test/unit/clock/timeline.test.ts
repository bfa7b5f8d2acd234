import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openTimeline, watchSteps } from '../../../src/clock/timeline.js';
import { FakeClock } from '../microvms/fakes.js';

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-timeline-'));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

const boot = (bootId: string, uptimeMs: number) => () => Promise.resolve({ bootId, uptimeMs });
/** ms that a test may take between two looks at a clock; what it tells apart are hours. */
const near = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 60_000, `${a} and ${b}`);

test('the timeline begins at the wall clock\'s time and goes on by the host\'s uptime over a restart', async (t) => {
  const dir = await folder(t);
  const first = await openTimeline(dir, boot('b1', 1_000_000));
  near(first.steady(), Date.now());
  // Two hours later by the uptime, whatever the wall clock says by then.
  const second = await openTimeline(dir, boot('b1', 1_000_000 + 7_200_000));
  near(second.steady() - first.steady(), 7_200_000);
});

test('after a reboot it is taken from the wall clock again', async (t) => {
  const dir = await folder(t);
  await openTimeline(dir, boot('b1', 50_000_000));
  near((await openTimeline(dir, boot('b2', 5_000))).steady(), Date.now());
});

test('a damaged file begins it anew', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'timeline.json'), '{"bootId":');
  near((await openTimeline(dir, boot('b1', 5_000))).steady(), Date.now());
  assert.equal((JSON.parse(await readFile(join(dir, 'timeline.json'), 'utf8')) as { bootId: string }).bootId, 'b1');
});

test('a step of the wall clock is noticed, forward and back, once each; drift is not', () => {
  const clock = new FakeClock();
  const steps: number[] = [];
  const stop = watchSteps(clock, (byMs) => steps.push(byMs));
  clock.advance(5_000);
  clock.jump(300);
  clock.advance(5_000);
  assert.deepEqual(steps, []);
  clock.jump(3_600_000);
  clock.advance(5_000);
  clock.jump(-7_200_000);
  clock.advance(5_000);
  assert.deepEqual(steps, [3_600_000, -7_200_000]);
  stop();
  assert.equal(clock.waiting, 0);
});
