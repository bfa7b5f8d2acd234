/** The report as one page: no script, nothing loaded, readable offline, printed, and by a screen reader. */
import { createHash } from 'node:crypto';
import type { Finding, IdleData, Outcome, Report, Section, SpeedData, Timing, Verdict } from '../types.js';
import { barChart, dotChart } from './charts.js';
import { escape } from './escape.js';
import { bytes, dollars, duration, fixed, ms } from './numbers.js';
import { STYLE } from './style.js';

const OUTCOMES: Readonly<Record<Outcome, string>> = { held: '✓ as expected', failed: '✗ failed', 'not-checked': '? not checked', info: 'figure' };
const VERDICTS: Readonly<Record<Verdict, string>> = { pass: '✓ Pass', fail: '✗ Fail', incomplete: '? Not checked' };

export function htmlReport(report: Report): string {
  const { image, service, request, speed, idle, boundary, cleanup } = report;
  const name = image.arn.split(':').at(-1) ?? image.arn;
  const styleHash = createHash('sha256').update(STYLE).digest('base64');
  return [
    '<!doctype html>', '<html lang="en">', '<head>', '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${styleHash}'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">', `<title>${escape(`Check of ${name}`)}</title>`, `<style>${STYLE}</style>`, '</head>',
    '<body>', '<main>',
    `<h1>${escape(`Check of ${name}`)}</h1>`,
    `<p class="verdict ${report.verdict}">${VERDICTS[report.verdict]}</p>`,
    `<p class="soft"><code>${escape(image.arn)}</code>, version ${escape(image.version)}, ${image.memoryMiB} MiB, <code>GET ${escape(request.path)}</code> at port ${request.port}</p>`,
    `<p class="soft">${escape(service.apiUrl)}, <time datetime="${escape(report.startedAt)}">${escape(report.startedAt.slice(0, 16).replace('T', ' '))} UTC</time>, took ${escape(duration(report.seconds))}</p>`,
    ...report.left.map((one) => `<p class="fail">Could not be ended: ${escape(one)}</p>`),
    ...part(speed, (data: SpeedData) => speedFigures(data)),
    ...part(idle, (data: IdleData) => idleFigures(data)),
    ...part(boundary),
    ...part(cleanup),
    '</main>', '</body>', '</html>', '',
  ].join('\n');
}

function part<Data>(section: (Section & { readonly data?: Data | undefined }) | undefined, figures: (data: Data) => readonly string[] = () => []): string[] {
  if (section === undefined) return [];
  return [
    `<section aria-labelledby="${section.name}">`,
    `<h2 id="${section.name}">${escape(section.title)} <span class="${section.verdict}">${VERDICTS[section.verdict]}</span></h2>`,
    ...(section.data === undefined ? [] : figures(section.data)),
    table(`${section.title}: findings`, ['', 'What was tried', 'Expected', 'Seen'], section.findings.map(findingRow)),
    '</section>',
  ];
}

function findingRow({ name, expected, seen, outcome }: Finding): string {
  return `<tr><td class="mark ${outcome}">${OUTCOMES[outcome]}</td><th scope="row">${escape(name)}</th><td>${escape(expected)}</td><td>${escape(seen)}</td></tr>`;
}

function speedFigures({ launch, resume }: SpeedData): string[] {
  const rows: readonly (readonly [string, Timing])[] = [['Launch', launch], ['Resume', resume]];
  const dots = dotChart('Time to the first HTTP 200 of each launch and resume, in milliseconds', rows.map(([name, { samples, percentiles: { p50, p90, p99 } }]) => ({
    name, values: samples, marks: [{ name: 'p50', value: p50 }, { name: 'p90', value: p90 }, { name: 'p99', value: p99 }],
  })), ms);
  const figures = rows.map(([name, { percentiles: { n, min, p50, p90, p99, max } }]) => `<tr><th scope="row">${name}</th>${numbers([String(n), ms(min), ms(p50), ms(p90), ms(p99), ms(max)])}</tr>`);
  return [
    figure(dots, 'A dot for each launch (RunMicrovm → first HTTP 200) and each resume (request to a suspended MicroVM → HTTP 200); lines at the percentiles.'),
    table('Times', ['', 'Rounds', 'Least', 'p50', 'p90', 'p99', 'Most'], figures),
    ...phaseFigures(rows),
  ];
}

function phaseFigures(rows: readonly (readonly [string, Timing])[]): string[] {
  const names = [...new Set(rows.flatMap(([, { phases }]) => phases.map(({ name }) => name)))];
  if (names.length === 0) return [];
  const median = ({ phases }: Timing, name: string): number => phases.find((phase) => phase.name === name)?.medianMs ?? 0;
  const bars = barChart('Median duration of each phase, in milliseconds', rows.map(([name, timing]) => ({ name, parts: names.map((of) => ({ name: of, value: median(timing, of) })) })), ms);
  return [
    figure(bars, 'Medians of the phases the service reports, one after the other.'),
    table('Phases', ['', ...names], rows.map(([name, timing]) => `<tr><th scope="row">${name}</th>${numbers(names.map((of) => ms(median(timing, of))))}</tr>`)),
  ];
}

function idleFigures({ pattern, measured, asDescribed, alwaysOn }: IdleData): string[] {
  const both = [['As described', asDescribed], ['Always on', alwaysOn]] as const;
  const bars = barChart('Cost of a month at AWS\'s prices, in US dollars', both.map(([name, { lines }]) => ({ name, parts: lines.map(({ dimension, cost }) => ({ name: dimension, value: cost })) })), dollars);
  const bill = asDescribed.lines.map(({ dimension, unit, quantity, unitPrice, cost }, index) => {
    const other = alwaysOn.lines[index];
    return `<tr><th scope="row">${escape(dimension)}</th><td>${escape(unit)}</td>${numbers([fixed(unitPrice, 10), fixed(quantity, 2), dollars(cost), fixed(other?.quantity ?? 0, 2), dollars(other?.cost ?? 0)])}</tr>`;
  });
  const time = both.map(([name, { use }]) => `<tr><th scope="row">${name}</th>${numbers([duration(use.activeSeconds), duration(use.idleSeconds), duration(use.suspendedSeconds), String(use.launches), String(use.suspends), String(use.resumes)])}</tr>`);
  const seen: readonly (readonly [string, string])[] = [
    ['CPU while idle', `${fixed(measured.idleCpuPerSecond, 3)} vCPU`], ['CPU while busy', `${fixed(measured.activeCpuPerSecond, 3)} vCPU`],
    ['CPU of a launch', `${fixed(measured.launchCpuSeconds, 2)} s`], ['CPU of a resume', `${fixed(measured.resumeCpuSeconds, 2)} s`],
    ['Memory of its own', bytes(measured.memoryBytes)], ['A launch reads', bytes(measured.launchReadBytes)], ['A suspend writes', bytes(measured.suspendWrittenBytes)],
    ['A resume reads', bytes(measured.resumeReadBytes)], ['On disk while suspended', bytes(measured.suspendedBytes)], ['The image on disk', bytes(measured.imageStoredBytes)],
  ];
  return [
    `<p>${pattern.users} user${pattern.users === 1 ? '' : 's'}, each with ${pattern.requestsPerHour} requests an hour that keep the application busy for ${pattern.secondsOfActivity} s, during ${pattern.hoursPerDay} hours on ${pattern.daysPerMonth} days of a month. Suspended after ${pattern.maxIdleDurationSeconds} s idle, ended after ${escape(duration(pattern.suspendedDurationSeconds))} suspended.</p>`,
    figure(bars, 'What AWS would charge for a month of 30 days: as described, and for MicroVMs that never suspend.'),
    table('The bill', ['Line', 'Unit', 'Price', 'As described', '', 'Always on', ''], [...bill, `<tr><th scope="row">Together</th><td></td>${numbers(['', '', dollars(asDescribed.cost), '', dollars(alwaysOn.cost)])}</tr>`]),
    table('Time in a month', ['', 'Busy', 'Idle', 'Suspended', 'Launches', 'Suspends', 'Resumes'], time),
    table('Measured on one MicroVM', ['', ''], seen.map(([name, value]) => `<tr><th scope="row">${escape(name)}</th>${numbers([value])}</tr>`)),
  ];
}

const numbers = (values: readonly string[]): string => values.map((value) => `<td class="number">${escape(value)}</td>`).join('');

function table(caption: string, heads: readonly string[], rows: readonly string[]): string {
  const head = heads.some((one) => one !== '') ? `<thead><tr>${heads.map((one) => (one === '' ? '<td></td>' : `<th scope="col">${escape(one)}</th>`)).join('')}</tr></thead>` : '';
  return `<h3>${escape(caption)}</h3><div class="wide" role="region" aria-label="${escape(caption)}" tabindex="0"><table>${head}<tbody>${rows.join('')}</tbody></table></div>`;
}

const figure = (chart: string, caption: string): string => `<figure>${chart}<figcaption>${escape(caption)}</figcaption></figure>`;
