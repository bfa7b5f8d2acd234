/** The page as Prometheus sees it: its own lint, labels that stay few, and a dashboard and alerts that use only what is there. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ERROR_TYPES } from '../../../src/api/dialect.js';
import { OPERATION_NAMES } from '../../../src/api/operations/index.js';
import { API_SERVICES, ASSUME_ROLE_OUTCOMES, EVENT_TYPES, FAULT_KINDS, LAUNCH_PHASES, PROXY_OUTCOMES, STEPS, WEBHOOK_OUTCOMES, type Metrics } from '../../../src/metrics/contracts.js';
import { noPromtool, promtool } from '../../support/promtool.js';
import { daemonMetrics, scrape, valueOf } from './support.js';

const packaging = (path: string): string => fileURLToPath(new URL(`../../../packaging/${path}`, import.meta.url));

/** Every label there is, and all it may say; histograms' own aside. */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  state: ['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'TERMINATING'],
  to: ['PENDING', 'RUNNING', 'SUSPENDING', 'SUSPENDED', 'TERMINATING', 'TERMINATED'],
  kind: [...FAULT_KINDS, 'run', 'resume'],
  step: STEPS,
  phase: LAUNCH_PHASES,
  outcome: [...ASSUME_ROLE_OUTCOMES, ...WEBHOOK_OUTCOMES, ...PROXY_OUTCOMES],
  type: [...EVENT_TYPES, ...ERROR_TYPES, 'other'],
  service: API_SERVICES,
  operation: [...OPERATION_NAMES, 'other'],
  status: ['2xx', '3xx', '4xx', '5xx', 'other'],
  direction: ['in', 'out'],
  of: ['images', 'microvms'],
};

/** Requests as clients may make them: each with names and texts of its own. */
function hammer(metrics: Metrics, times: number): void {
  for (let n = 0; n < times; n++) {
    const text = `${'x'.repeat(n % 50)}"}\n${n}`;
    for (const service of API_SERVICES) metrics.apiRequest({ service, operation: text, status: n, error: text, ms: n });
    for (const operation of OPERATION_NAMES) metrics.apiRequest({ service: 'lambda', operation, status: 200 + (n % 400), error: ERROR_TYPES[n % ERROR_TYPES.length], ms: n });
    metrics.apiRequest({ service: 's3', operation: 'RunMicrovm', status: 200, error: undefined, ms: -1 });
    for (const outcome of PROXY_OUTCOMES) metrics.proxyRequest(outcome);
    for (const phase of LAUNCH_PHASES) metrics.launchPhase('RESUME', phase, n / 1000);
    metrics.proxyConnection(n % 2 === 0 ? 1 : -1);
    metrics.proxyBytes('in', n);
    metrics.proxyUpstream(n);
    metrics.suspended({ dirtyPages: n, bytes: n * 4096 });
  }
}

test('promtool check metrics has nothing to say', { skip: noPromtool }, async () => {
  const metrics = daemonMetrics();
  hammer(metrics, 3);
  assert.equal(await promtool(['check', 'metrics'], await metrics.render()), '');
  assert.notEqual(await promtool(['check', 'metrics'], '# TYPE requests counter\nrequests 1\n'), '', 'it would');
});

test('no label can take a value that is not in a closed list, whatever clients send', async () => {
  const metrics = daemonMetrics();
  hammer(metrics, 1);
  for (const status of [200, 300, 400, 500]) for (const operation of OPERATION_NAMES) for (const service of ['lambda', 'tardigrade'] as const) metrics.apiRequest({ service, operation, status, error: undefined, ms: 1 });
  for (const service of API_SERVICES) for (const status of [0, 200, 300, 400, 500]) metrics.apiRequest({ service, operation: undefined, status, error: 'x', ms: 1 });
  const before = await scrape(metrics);
  hammer(metrics, 1_000);
  const after = await scrape(metrics);
  assert.equal(after.length, before.length, 'a series more for each request would end the operator’s Prometheus');
  for (const { name, labels } of after) {
    for (const [label, value] of Object.entries(labels)) {
      if (label === 'le') continue;
      assert.ok(LABELS[label]?.includes(value), `${name} has ${label}="${value}"`);
    }
  }
  assert.ok(after.length < 2_000, `${after.length} series`);
});

test('requests are counted by operation and class, errors by type, time by service', async () => {
  const metrics = daemonMetrics();
  metrics.apiRequest({ service: 'lambda', operation: 'RunMicrovm', status: 429, error: 'ThrottlingException', ms: 3 });
  metrics.apiRequest({ service: 'logs', operation: 'GetLogEvents', status: 200, error: undefined, ms: 2 });
  const series = await scrape(metrics);
  assert.equal(valueOf(series, 'tardigrade_api_requests_total', { service: 'lambda', operation: 'RunMicrovm', status: '4xx' }), 1);
  assert.equal(valueOf(series, 'tardigrade_api_requests_total', { service: 'logs', operation: 'other', status: '2xx' }), 1);
  assert.equal(valueOf(series, 'tardigrade_api_errors_total', { type: 'ThrottlingException' }), 1);
  assert.equal(valueOf(series, 'tardigrade_api_request_seconds_sum', { service: 'lambda' }), 0.003);
});

test('what is asked at each scrape: memory, CPU time, snapshots', async () => {
  const metrics = daemonMetrics();
  for (let scrapes = 0; scrapes < 2; scrapes++) {
    const series = await scrape(metrics);
    assert.deepEqual(
      [valueOf(series, 'tardigrade_vmm_memory_bytes'), valueOf(series, 'tardigrade_vmm_cpu_seconds_total'), valueOf(series, 'tardigrade_snapshot_stored_bytes', { of: 'images' }), valueOf(series, 'tardigrade_snapshot_stored_bytes', { of: 'microvms' })],
      [4096, 1.5, 1024, 512],
    );
  }
});

/** Names of ours in an expression. */
const namesIn = (text: string): string[] => [...text.matchAll(/\btardigrade_[a-z_]+/g)].map(([name]) => name);

test('the dashboard and the alerts use only metrics that there are, with labels they have; the dashboard uses all', async () => {
  const series = await scrape(daemonMetrics());
  // Of requests there is no series before the first.
  const metrics = daemonMetrics();
  hammer(metrics, 1);
  const exported = new Map((await scrape(metrics)).concat(series).map(({ name, labels }) => [name, Object.keys(labels)]));
  const dashboard = await readFile(packaging('grafana/tardigrade.json'), 'utf8');
  const expressions = exprs(JSON.parse(dashboard));
  assert.ok(expressions.length > 30, 'the dashboard has panels');
  const alerts = await readFile(packaging('prometheus/alerts.yml'), 'utf8');
  for (const text of [...expressions, alerts]) for (const name of namesIn(text)) assert.ok(exported.has(name), `${name} in: ${text.slice(0, 200)}`);
  for (const text of [...expressions, alerts]) {
    for (const [, name = '', matchers = ''] of text.matchAll(/(tardigrade_[a-z_]+)\{([^}]*)\}/g)) {
      for (const [, label = ''] of matchers.matchAll(/([a-z_]+)=/g)) {
        if (label !== 'job' && label !== 'instance') assert.ok(exported.get(name)?.includes(label), `${name} has no label ${label}`);
      }
    }
    for (const [, , pattern = ''] of text.matchAll(/(kind|outcome|state|step|status|phase)=~?"([^"]+)"/g)) {
      for (const value of pattern.split('|')) assert.ok(Object.values(LABELS).some((values) => values.includes(value)), `no label has the value ${value}`);
    }
  }
  const used = new Set(expressions.flatMap(namesIn).map(family));
  assert.deepEqual([...new Set([...exported.keys()].map(family))].filter((name) => !used.has(name)), []);
});

test('promtool check rules takes the alerts', { skip: noPromtool }, async () => {
  assert.equal(await promtool(['check', 'rules', packaging('prometheus/alerts.yml')]), '');
});

test('the page’s documentation names every metric, and none that is not', async () => {
  const metrics = daemonMetrics();
  hammer(metrics, 1);
  const exported = new Set((await scrape(metrics)).map(({ name }) => family(name)));
  const text = await readFile(fileURLToPath(new URL('../../../docs/metrics.md', import.meta.url)), 'utf8');
  const documented = new Set([...text.matchAll(/^\| `(tardigrade_[a-z_]+)/gm)].map(([, name = '']) => name));
  assert.deepEqual([...documented].sort(), [...exported].sort());
});

const family = (name: string): string => name.replace(/_(bucket|sum|count)$/, '');

function exprs(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(exprs);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => (key === 'expr' && typeof member === 'string' ? [member] : exprs(member)));
}
