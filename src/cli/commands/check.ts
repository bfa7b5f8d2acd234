/** `tardigrade check <image>`: four validations of the platform with one's own image, and a report. Answers the exit code. */
import { readFile, writeFile } from 'node:fs/promises';
import { htmlReport, readPattern, runCheck, type SectionName, textReport } from '../../check/contracts.js';
import type { CommonOptions, Context } from '../context.js';
import { EXIT, INTERRUPTED } from '../exit-codes.js';
import { findImage } from '../resolve.js';

export interface CheckCommandOptions extends CommonOptions {
  readonly port: number;
  readonly path: string;
  readonly only: readonly SectionName[];
  readonly executionRole?: string;
  readonly payloadFile?: string;
  readonly rounds: number;
  /** Milliseconds. */
  readonly maxLaunch?: number;
  readonly maxResume?: number;
  readonly pattern?: string;
  /** Members of the pattern. */
  readonly users?: number;
  readonly days?: number;
  readonly hoursPerDay?: number;
  readonly requestsPerHour?: number;
  /** Seconds. */
  readonly activity?: number;
  readonly maxIdle?: number;
  readonly suspended?: number;
  readonly watch: number;
  readonly output?: string;
  readonly html?: string;
}

export async function check(context: Context, given: string, options: CheckCommandOptions, signal: AbortSignal): Promise<number> {
  // What is wrong with files shows before anything is launched.
  const pattern = await readPattern(options.pattern, patternFlags(options));
  const runHookPayload = options.payloadFile === undefined ? undefined : await readFile(options.payloadFile, 'utf8');
  const { image, version } = await findImage(await context.api(), given);
  try {
    const report = await runCheck({
      image: image.imageArn, imageVersion: version, port: options.port, path: options.path, executionRoleArn: options.executionRole, runHookPayload, sections: options.only,
      speed: { rounds: options.rounds, maxLaunchMs: options.maxLaunch, maxResumeMs: options.maxResume }, pattern, watchSeconds: options.watch,
    }, { access: await context.access(), assetsDir: (await context.settings()).assetsDir, signal, say: (text) => context.note(text) });
    const json = `${JSON.stringify(report, null, 2)}\n`;
    if (options.output !== undefined) await writeFile(options.output, json);
    if (options.html !== undefined) await writeFile(options.html, htmlReport(report));
    context.print(context.json ? json : textReport(report));
    return report.verdict === 'pass' ? EXIT.done : EXIT.failed;
  } catch (error) {
    if (!signal.aborted) throw error;
    context.note('broken off: every MicroVM of the check was ended');
    return INTERRUPTED;
  }
}

/** By the names of the pattern's members. */
function patternFlags({ users, days, hoursPerDay, requestsPerHour, activity, maxIdle, suspended }: CheckCommandOptions): Readonly<Record<string, number>> {
  const members = { users, daysPerMonth: days, hoursPerDay, requestsPerHour, secondsOfActivity: activity, maxIdleDurationSeconds: maxIdle, suspendedDurationSeconds: suspended };
  return Object.fromEntries(Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])));
}
