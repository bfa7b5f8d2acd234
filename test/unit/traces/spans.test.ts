/** Which spans there are and whose children, from real requests and from MicroVMs over the real store. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { pino } from 'pino';
import { startTracing, type Tracing } from '../../../src/daemon/traces.js';
import type { SpanContext } from '../../../src/traces/contracts.js';
import { parseTraceparent } from '../../../src/traces/traceparent.js';
import { buildImage, input, world as imageWorld } from '../images/support/world.js';
import { IMAGE, until, World, WHO } from '../microvms/fakes.js';
import { createMicrovms } from '../../../src/microvms/service.js';
import { Collector, type ReceivedSpan } from './support.js';
import { systemClock } from '../../../src/clock/index.js';
import type { Store } from '../../../src/store/contracts.js';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

async function traced(t: TestContext, store: Store): Promise<{ tracing: Tracing; collector: Collector }> {
  const collector = new Collector();
  const tracing = startTracing({ config: { otlpEndpoint: await collector.listen(), region: 'us-east-1' }, store, buildStep: () => undefined, clock: systemClock, logger: pino({ level: 'silent' }) });
  t.after(() => collector.close());
  return { tracing, collector };
}

/** A request that does `work` in its trace. */
async function request<T>(tracing: Tracing, name: string, work: () => T | Promise<T>, traceparent?: string): Promise<T> {
  assert.ok(tracing.tracer !== undefined);
  return tracing.tracer.request(traceparent, async (trace) => {
    const result = await work();
    trace.end(name, {});
    return result;
  });
}

const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan => {
  const found = spans.filter((span) => span.name === name);
  assert.equal(found.length, 1, `${found.length} spans are ${name}: ${spans.map((span) => span.name).join(', ')}`);
  return found[0] as ReceivedSpan;
};
const children = (spans: readonly ReceivedSpan[], of: ReceivedSpan): string[] => spans.filter(({ parentSpanId, traceId }) => parentSpanId === of.spanId && traceId === of.traceId).map(({ name }) => name);

test('a MicroVM’s launch, suspend, resume and end are parts of the requests that asked for them', async (t) => {
  const world = await World.create();
  t.after(() => world.destroy());
  const { tracing, collector } = await traced(t, world.store);
  assert.ok(tracing.reached !== undefined);
  const microvms = createMicrovms({ ...world.deps(), store: tracing.store, observe: tracing.reached });
  const { id } = await request(tracing, 'run', () => microvms.run(WHO, { imageArn: IMAGE }), TRACEPARENT);
  await world.reaches(id, 'RUNNING');
  await request(tracing, 'suspend', () => microvms.suspend(WHO, id));
  await world.reaches(id, 'SUSPENDED');
  await request(tracing, 'resume', () => microvms.resume(WHO, id));
  await request(tracing, 'terminate', () => microvms.terminate(WHO, id));
  await world.reaches(id, 'TERMINATED');
  await until(() => world.store.launchesOf(id).length === 2, 'the timelines');
  await microvms.shutdown('keep');
  await tracing.close();
  const { spans } = collector;
  const run = named(spans, 'run');
  assert.deepEqual([run.traceId, run.parentSpanId, run.kind], ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331', 2]);
  for (const [asked, step, phases] of [
    ['run', 'microvm.launch', ['queue', 'restore', 'fault-in', 'hook']], ['suspend', 'microvm.suspend', ['hook', 'write', 'release']],
    ['resume', 'microvm.resume', ['queue', 'restore', 'fault-in', 'hook']], ['terminate', 'microvm.terminate', ['hook', 'stop', 'remove']],
  ] as const) {
    const span = named(spans, step);
    assert.deepEqual(children(spans, named(spans, asked)), [step]);
    assert.deepEqual(children(spans, span), phases);
    assert.deepEqual(span.attributes, [{ key: 'tardigrade.microvm.id', value: { stringValue: id } }]);
    assert.deepEqual(span.status, {});
  }
  for (const { startTimeUnixNano, endTimeUnixNano } of spans) assert.ok(BigInt(startTimeUnixNano) <= BigInt(endTimeUnixNano));
});

test('a launch that fails says in which phase, and a trace that is not sampled is not sent', async (t) => {
  const world = await World.create();
  t.after(() => world.destroy());
  const { tracing, collector } = await traced(t, world.store);
  assert.ok(tracing.reached !== undefined);
  const microvms = createMicrovms({ ...world.deps(), store: tracing.store, observe: tracing.reached });
  world.failures.set('launch', new Error('no'));
  const failed = microvms.run(WHO, { imageArn: IMAGE });
  await world.reaches(failed.id, 'TERMINATED');
  const quiet = await request(tracing, 'unsampled', () => microvms.run(WHO, { imageArn: IMAGE }), TRACEPARENT.replace(/01$/, '00'));
  await world.reaches(quiet.id, 'RUNNING');
  await until(() => world.store.launchesOf(quiet.id).length === 1, 'the timeline');
  await microvms.shutdown('keep');
  await tracing.close();
  assert.deepEqual(named(collector.spans, 'microvm.launch').status, { code: 2, message: 'failed in the phase restore' });
  assert.equal(named(collector.spans, 'microvm.launch').parentSpanId, undefined);
  assert.ok(!collector.spans.some(({ name, traceId }) => name === 'unsampled' || traceId === '0af7651916cd43dd8448eb211c80319c'));
});

test('a build has its steps, and is part of the request that made the image', async (t) => {
  // The world's store is the tracing's, and the tracing is told by the world.
  const told: { by?: Tracing } = {};
  const w = await imageWorld(t, { stepChanged: (step) => told.by?.buildStep(step) });
  const { tracing, collector } = await traced(t, w.store);
  told.by = tracing;
  const { build } = await request(tracing, 'create', () => buildImage(w, input()));
  await tracing.close();
  const { spans } = collector;
  const span = named(spans, 'image.build');
  assert.deepEqual(children(spans, named(spans, 'create')), ['image.build']);
  assert.deepEqual(children(spans, span), ['fetch', 'build', 'boot', 'ready', 'snapshot', 'tidy']);
  assert.deepEqual(span.attributes.map(({ value }) => value['stringValue']), [build.buildId, build.imageArn, '1.0']);
});

test('traceparent as W3C has it; what cannot be read begins a trace', () => {
  const context: SpanContext = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', sampled: true };
  assert.deepEqual(parseTraceparent(TRACEPARENT), context);
  assert.deepEqual(parseTraceparent(TRACEPARENT.replace(/01$/, '00')), { ...context, sampled: false });
  assert.deepEqual(parseTraceparent(`cc${TRACEPARENT.slice(2)}-what-comes-later`), context);
  for (const bad of [undefined, '', 'x', `${TRACEPARENT}-more`, TRACEPARENT.toUpperCase(), `ff${TRACEPARENT.slice(2)}`, `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`, `${TRACEPARENT}, ${TRACEPARENT}`]) {
    assert.equal(parseTraceparent(bad), undefined, bad);
  }
});
