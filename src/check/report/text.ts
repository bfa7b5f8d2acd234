/** The report for a terminal. */
import { printable } from '../../cli/output/printable.js';
import type { Finding, IdleData, Month, Outcome, Report, Section, SpeedData, Timing, Verdict } from '../types.js';
import { dollars, duration, fixed, ms } from './numbers.js';

const MARKS: Readonly<Record<Outcome, string>> = { held: 'ok', failed: 'FAILED', 'not-checked': 'not checked', info: '·' };
const VERDICTS: Readonly<Record<Verdict, string>> = { pass: 'PASS', fail: 'FAIL', incomplete: 'NOT CHECKED' };
const MARK_WIDTH = Math.max(...Object.values(MARKS).map((mark) => mark.length));

export function textReport(report: Report): string {
  const { image, service, speed, idle, boundary, cleanup } = report;
  const lines = [
    `${image.arn}, version ${image.version}, ${image.memoryMiB} MiB, at ${service.apiUrl}`,
    ...part(speed, (data) => speedLines(data)),
    ...part(idle, (data) => idleLines(data)),
    ...part(boundary),
    ...part(cleanup),
    ...report.left.map((one) => `could not be ended: ${one}`),
    '',
    summary(report),
  ];
  // What guests said is in it.
  return `${printable(lines.join('\n'))}\n`;
}

function summary(report: Report): string {
  const all = [report.speed, report.idle, report.boundary, report.cleanup].flatMap((section) => section?.findings ?? []);
  const count = (outcome: Outcome): number => all.filter((finding) => finding.outcome === outcome).length;
  return `${VERDICTS[report.verdict]} in ${duration(report.seconds)}: ${count('held')} as expected, ${count('failed')} not, ${count('not-checked')} not checked`;
}

function part<Data>(section: (Section & { readonly data?: Data | undefined }) | undefined, figures: (data: Data) => readonly string[] = () => []): string[] {
  if (section === undefined) return [];
  return ['', `${section.title}: ${VERDICTS[section.verdict]}`, ...(section.data === undefined ? [] : figures(section.data)), ...section.findings.map(line)];
}

function line({ name, expected, seen, outcome }: Finding): string {
  const wanted = outcome === 'held' || outcome === 'info' || expected === '' ? '' : ` (expected: ${expected})`;
  return `  ${MARKS[outcome].padEnd(MARK_WIDTH)}  ${name}: ${seen.replace(/\s+/g, ' ')}${wanted}`;
}

function speedLines({ launch, resume }: SpeedData): string[] {
  return [...timingLines('RunMicrovm → first HTTP 200', launch), ...timingLines('request to a suspended one → HTTP 200', resume)];
}

function timingLines(name: string, { percentiles: { n, min, p50, p90, p99, max }, phases }: Timing): string[] {
  const figures = `  ${name.padEnd(38)} n ${n}  min ${ms(min)}  p50 ${ms(p50)}  p90 ${ms(p90)}  p99 ${ms(p99)}  max ${ms(max)}`;
  return phases.length === 0 ? [figures] : [figures, `    medians: ${phases.map((phase) => `${phase.name} ${ms(phase.medianMs)}`).join(', ')}`];
}

function idleLines({ pattern, asDescribed, alwaysOn }: IdleData): string[] {
  const { users, requestsPerHour, hoursPerDay, daysPerMonth, secondsOfActivity, maxIdleDurationSeconds } = pattern;
  const rows = asDescribed.lines.map(({ dimension, unit, quantity, cost }, index) => {
    const other = alwaysOn.lines[index];
    return [dimension, `${fixed(quantity, 2)} ${unit === 'GB' ? unit : `${unit}s`}`, dollars(cost), fixed(other?.quantity ?? 0, 2), dollars(other?.cost ?? 0)];
  });
  const table = [['a month', 'as described', '', 'always on', ''], ...rows, ['together', '', dollars(asDescribed.cost), '', dollars(alwaysOn.cost)]];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return [
    `  ${users} user${users === 1 ? '' : 's'}, ${requestsPerHour} requests an hour of ${secondsOfActivity} s, ${hoursPerDay} hours on ${daysPerMonth} days of a month, suspended after ${maxIdleDurationSeconds} s`,
    `  as described: ${used(asDescribed)}`,
    `  always on:    ${used(alwaysOn)}`,
    ...table.map((row) => `    ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ').trimEnd()}`),
  ];
}

function used({ use: { activeSeconds, idleSeconds, suspendedSeconds, launches, resumes } }: Month): string {
  return `busy ${duration(activeSeconds)}, idle ${duration(idleSeconds)}, suspended ${duration(suspendedSeconds)}, ${launches} launches, ${resumes} resumes`;
}
