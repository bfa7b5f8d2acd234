/** The report as text and as a page: what must be in it, and what must not. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { percentiles } from '../../../src/check/percentiles.js';
import { billed, alwaysOn, walkMonth } from '../../../src/check/month.js';
import { barChart, dotChart, niceTop } from '../../../src/check/report/charts.js';
import { htmlReport } from '../../../src/check/report/html.js';
import { bytes, dollars, duration, ms } from '../../../src/check/report/numbers.js';
import { textReport } from '../../../src/check/report/text.js';
import { timing } from '../../../src/check/speed.js';
import type { Measured, Report } from '../../../src/check/types.js';
import { AWS_PRICES } from '../../../src/usage/prices.js';

const HOSTILE = '<script>alert("1")</script>\u001b[2J & \'x\'';

const measured: Measured = {
  memoryMiB: 512, idleCpuPerSecond: 0.03, idleBurstCpuPerSecond: 0, activeCpuPerSecond: 0.3, activeBurstCpuPerSecond: 0.05, launchCpuSeconds: 0.5, launchBurstCpuSeconds: 0.4,
  resumeCpuSeconds: 0.3, resumeBurstCpuSeconds: 0.2, memoryBytes: 60 << 20, burstMemoryBytes: 0, launchReadBytes: 150 << 20, resumeReadBytes: 10 << 20, suspendWrittenBytes: 10 << 20,
  suspendedBytes: 11 << 20, imageStoredBytes: 300 << 20,
};
const pattern = { users: 2, daysPerMonth: 22, hoursPerDay: 8, requestsPerHour: 6, secondsOfActivity: 10, maxIdleDurationSeconds: 60, suspendedDurationSeconds: 28_800 };
const series = (samples: readonly number[]) => ({ samples, percentiles: percentiles(samples), phases: [{ name: 'restore', medianMs: 200 }, { name: 'first-byte', medianMs: 100 }] });

const report: Report = {
  format: 1, startedAt: '2026-11-25T09:00:00.000Z', seconds: 101.2, service: { apiUrl: 'http://127.0.0.1:7400', region: 'us-east-1' },
  image: { arn: 'arn:aws:lambda:us-east-1:000000000000:microvm-image:flask', version: '1.0', memoryMiB: 512 }, request: { port: 8080, path: '/' }, verdict: 'fail', left: [],
  speed: {
    name: 'speed', title: 'Cold launch and resume', verdict: 'pass', data: { launch: series([500, 600, 700]), resume: series([300, 350, 900]) },
    findings: [{ name: 'launch, 90th percentile', expected: '', seen: '700 ms', outcome: 'info' }],
  },
  idle: { name: 'idle', title: 'Idle cost', verdict: 'pass', findings: [], data: { pattern, measured, asDescribed: billed(walkMonth(pattern), measured, AWS_PRICES), alwaysOn: billed(alwaysOn(pattern), measured, AWS_PRICES) } },
  boundary: {
    name: 'boundary', title: 'Tenant boundary', verdict: 'fail',
    findings: [{ name: 'no token', expected: 'HTTP 403', seen: HOSTILE, outcome: 'failed' }, { name: 'panic', expected: 'x', seen: 'not here', outcome: 'not-checked' }],
  },
};

describe('the page', () => {
  const page = htmlReport(report);

  it('runs nothing and loads nothing', () => {
    assert.doesNotMatch(page, /<script|<link|<img|<iframe|<object|\son\w+=|javascript:|url\(|@import|\sstyle=/i);
    assert.deepEqual([...page.matchAll(/\s(?:src|href)="([^"]*)"/g)].map(([, target]) => target), []);
    assert.match(page, /default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]+=*'/);
  });

  it('shows what guests said as text', () => {
    assert.ok(page.includes('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;?[2J &amp; &#39;x&#39;'));
    assert.ok(!page.includes('\u001b'));
  });

  it('is well formed: every element ends where it should', () => {
    const open: string[] = [];
    for (const [, slash, name = '', closed] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*?(\/?)>/gi)) {
      if (closed === '/' || name === 'meta') continue;
      if (slash === '') open.push(name);
      else assert.equal(open.pop(), name);
    }
    assert.deepEqual(open, []);
  });

  it('names its charts, its columns and its language for those who do not see them', () => {
    assert.match(page, /<html lang="en">/);
    const charts = [...page.matchAll(/<svg [^>]*>/g)].map(([tag]) => tag);
    assert.equal(charts.length, 3, 'times, phases, cost');
    for (const chart of charts) assert.match(chart, /role="img" aria-label="[^"]{10,}"/);
    assert.match(page, /<th scope="col">Expected<\/th>/);
    const regions = [...page.matchAll(/role="region" aria-label="([^"]+)"/g)].map(([, name]) => name);
    assert.equal(new Set(regions).size, regions.length, 'regions have names of their own');
    assert.equal(new Set([...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)).size, [...page.matchAll(/\sid="/g)].length);
  });

  it('draws no number that is none', () => {
    const without: Report = { ...report, speed: { name: 'speed', title: 'x', verdict: 'fail', findings: [], data: { launch: timing([], []), resume: timing([], []) } } };
    for (const one of [page, htmlReport(without)]) assert.doesNotMatch(one, /NaN|Infinity|undefined/);
  });

  it('has no section that was not asked for', () => {
    assert.doesNotMatch(page, /Cleanup/);
  });
});

test('the text says verdicts, figures, what was expected where it was not seen, and nothing a terminal acts on', () => {
  const text = textReport(report);
  assert.match(text, /^Cold launch and resume: PASS$/m);
  assert.match(text, /n 3 {2}min 500 ms {2}p50 600 ms {2}p90 700 ms/);
  assert.match(text, /medians: restore 200 ms, first-byte 100 ms/);
  assert.match(text, /FAILED +no token: .*\(expected: HTTP 403\)/);
  assert.match(text, /\nFAIL in 101 s: 0 as expected, 1 not, 1 not checked\n$/);
  assert.ok(!text.includes('\u001b'));
});

test('MicroVMs that could not be ended are named in both', () => {
  const left = { ...report, left: ['microvm-1: it hangs'] };
  assert.match(textReport(left), /could not be ended: microvm-1: it hangs/);
  assert.match(htmlReport(left), /Could not be ended: microvm-1: it hangs/);
});

test('phases: the median of each over the rounds that told it', () => {
  const { phases } = timing([1, 2, 3], [[{ name: 'restore', durationMs: 5 }], undefined, [{ name: 'restore', durationMs: 9 }, { name: 'hook', durationMs: 1 }]]);
  assert.deepEqual(phases, [{ name: 'restore', medianMs: 5 }, { name: 'hook', medianMs: 1 }]);
});

test('charts stay within their width', () => {
  const chart = dotChart('t', [{ name: 'a', values: [1, 99], marks: [{ name: 'p50', value: 99 }] }], ms) + barChart('t', [{ name: 'a', parts: [{ name: 'x', value: 3 }, { name: 'y', value: 4 }] }], dollars);
  const places = [...chart.matchAll(/\s(?:cx|x1|x2)="([\d.]+)"/g)].map(([, x]) => Number(x));
  assert.ok(places.length > 0 && places.every((x) => x >= 0 && x <= 720));
  assert.deepEqual([niceTop(0), niceTop(7), niceTop(81), niceTop(0.03), niceTop(100)], [1, 8, 100, 0.03, 100]);
});

test('numbers for people', () => {
  assert.deepEqual([bytes(0), bytes(1023), bytes(1536), bytes(150 << 20)], ['0 B', '1023 B', '1.5 KiB', '150 MiB']);
  assert.deepEqual([dollars(0), dollars(12.345), dollars(0.000_216_4)], ['$0.00', '$12.35', '$0.000216']);
  assert.deepEqual([duration(45), duration(600), duration(26_400), duration(36_000)], ['45 s', '10 min', '7 h 20 min', '10 h']);
  assert.equal(ms(Number.NaN), '–');
});
