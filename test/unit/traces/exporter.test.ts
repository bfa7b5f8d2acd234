/** The exporter against a real collector: what it sends, and what it does when nobody takes it. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { FinishedSpan } from '../../../src/traces/contracts.js';
import { createExporter, MAX_WAITING } from '../../../src/traces/exporter.js';
import { FakeClock, until } from '../microvms/fakes.js';
import { Collector } from './support.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const span = (name: string, over: Partial<FinishedSpan> = {}): FinishedSpan => ({
  context: { traceId: TRACE, spanId: 'b7ad6b7169203331', sampled: true }, parent: undefined, name, kind: 'internal', startedAt: 1_795_000_000_000.25, endedAt: 1_795_000_000_001.5, attributes: {}, ...over,
});

async function started(t: TestContext) {
  const collector = new Collector();
  const endpoint = await collector.listen();
  t.after(() => collector.close());
  const clock = new FakeClock();
  const logged: string[] = [];
  const log = (fields: object, text: string): void => void logged.push(`${text} ${JSON.stringify(fields)}`);
  const exporter = createExporter({ endpoint: `${endpoint}/`, resource: { 'service.name': 'tardigrade' }, clock, logger: { info: log, warn: log } as never });
  return { collector, clock, logged, exporter };
}

test('spans in OTLP’s JSON, many in one request', async (t) => {
  const { collector, clock, exporter } = await started(t);
  const parent = { traceId: TRACE, spanId: '00f067aa0ba902b7', sampled: true };
  exporter.add(span('one', { parent, kind: 'server', attributes: { text: 'a', whole: 3, part: 0.5, yes: true, none: undefined } }));
  exporter.add(span('two', { error: 'it failed', endedAt: 0 }));
  clock.advance(1_999);
  assert.deepEqual(collector.requests, []);
  clock.advance(1);
  await until(() => collector.bodies.length === 1, 'an export');
  assert.deepEqual(collector.requests, ['POST /v1/traces application/json']);
  assert.deepEqual(collector.bodies[0]?.resourceSpans[0]?.resource.attributes, [{ key: 'service.name', value: { stringValue: 'tardigrade' } }]);
  assert.deepEqual(collector.spans, [
    {
      traceId: TRACE, spanId: 'b7ad6b7169203331', parentSpanId: '00f067aa0ba902b7', name: 'one', kind: 2, startTimeUnixNano: '1795000000000250000', endTimeUnixNano: '1795000000001500000',
      attributes: [{ key: 'text', value: { stringValue: 'a' } }, { key: 'whole', value: { intValue: '3' } }, { key: 'part', value: { doubleValue: 0.5 } }, { key: 'yes', value: { boolValue: true } }], status: {},
    },
    { traceId: TRACE, spanId: 'b7ad6b7169203331', name: 'two', kind: 1, startTimeUnixNano: '1795000000000250000', endTimeUnixNano: '1795000000000250000', attributes: [], status: { code: 2, message: 'it failed' } },
  ]);
  await exporter.close();
  assert.equal(clock.waiting, 0);
});

test('what the collector does not take is dropped, and told once', async (t) => {
  const { collector, clock, logged, exporter } = await started(t);
  collector.answer = 503;
  for (const name of ['one', 'two']) {
    exporter.add(span(name));
    await until(() => clock.waiting === 1, 'a pause');
    clock.advance(2_000);
    const { length } = collector.requests;
    await until(() => collector.requests.length > length || collector.requests.length > 1, 'a try');
  }
  await until(() => collector.requests.length === 2, 'two tries');
  collector.answer = 200;
  await until(() => {
    if (clock.waiting === 0) exporter.add(span('three'));
    clock.advance(2_000);
    return collector.bodies.length > 0;
  }, 'the collector is back');
  await until(() => logged.length === 2, 'what is told');
  assert.ok(!collector.spans.some(({ name }) => name === 'one' || name === 'two'));
  assert.match(logged[0] ?? '', /does not take spans: they are dropped.*HTTP 503/);
  assert.match(logged[1] ?? '', /takes spans again/);
  await exporter.close();
});

test('while it hangs, so many spans wait and no more; what comes then is dropped', async (t) => {
  const { collector, clock, exporter } = await started(t);
  collector.answer = 'hang';
  exporter.add(span('first'));
  clock.advance(2_000);
  await until(() => collector.requests.length === 1, 'an export under way');
  for (let i = 0; i < MAX_WAITING + 100; i++) exporter.add(span(`span ${i}`));
  collector.answer = 200;
  collector.server.closeAllConnections();
  await until(() => {
    clock.advance(2_000);
    return collector.spans.length === MAX_WAITING;
  }, 'all that waited');
  assert.equal(collector.spans.at(-1)?.name, `span ${MAX_WAITING - 1}`);
  assert.equal(collector.bodies.length, MAX_WAITING / 512);
  await exporter.close();
});

test('an end sends what is left, and waits for no collector that is away', async (t) => {
  const { collector, exporter, clock } = await started(t);
  exporter.add(span('last'));
  await exporter.close();
  assert.deepEqual(collector.spans.map(({ name }) => name), ['last']);
  exporter.add(span('too late'));
  assert.equal(clock.waiting, 0);

  const gone = createExporter({ endpoint: 'http://127.0.0.1:9', resource: {}, clock, logger: { info: () => undefined, warn: () => undefined } as never });
  for (let i = 0; i < MAX_WAITING; i++) gone.add(span('nobody'));
  await gone.close();
  assert.equal(clock.waiting, 0);
});
