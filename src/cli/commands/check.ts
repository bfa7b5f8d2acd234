/** `tardigrade check <image>`: four validations of the platform with one's own image, and a report. Answers the exit code. */
import { readFile, writeFile } from 'node:fs/promises';
import { type CheckOptions, htmlReport, readPattern, runCheck, SECTIONS, type SectionName, textReport } from '../../check/contracts.js';
import { OperatorError } from '../../errors/index.js';
import type { Context } from '../context.js';
import { EXIT, INTERRUPTED } from '../exit-codes.js';
import { findImage } from '../resolve.js';

/** As the command line gives them. */
export interface CheckFlags {
  readonly imageVersion?: string;
  readonly port: number;
  readonly path: string;
  readonly only?: string;
  readonly executionRole?: string;
  readonly payloadFile?: string;
  readonly rounds: number;
  readonly maxLaunch?: number;
  readonly maxResume?: number;
  readonly pattern?: string;
  readonly users?: number;
  readonly days?: number;
  readonly hoursPerDay?: number;
  readonly requestsPerHour?: number;
  readonly activity?: number;
  readonly maxIdle?: number;
  readonly suspended?: number;
  readonly watch: number;
  readonly output?: string;
  readonly html?: string;
}

/** An abort of `signal` ends all MicroVMs of the check first. */
export async function check(context: Context, given: string, flags: CheckFlags, signal: AbortSignal): Promise<number> {
  const [wanted, access, { assetsDir }] = [await wantedBy(flags), await context.access(), await context.settings()];
  const { image, version } = await findImage(await context.api(), given);
  const options: CheckOptions = { ...wanted, image: image.imageArn, imageVersion: flags.imageVersion ?? version };
  const onAbort = (): void => context.note('broken off: ending the MicroVMs of the check; again leaves them');
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const report = await runCheck(options, { access, assetsDir, signal, say: (text) => context.note(text) });
    const json = `${JSON.stringify(report, null, 2)}\n`;
    if (flags.output !== undefined) await writeFile(flags.output, json);
    if (flags.html !== undefined) await writeFile(flags.html, htmlReport(report));
    context.print(context.json ? json : textReport(report));
    return report.verdict === 'pass' ? EXIT.done : EXIT.failed;
  } catch (error) {
    if (signal.aborted) return INTERRUPTED;
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** What is wrong with flags and files shows before the service is asked. */
async function wantedBy(flags: CheckFlags): Promise<Omit<CheckOptions, 'image' | 'imageVersion'>> {
  if (!flags.path.startsWith('/')) throw new OperatorError(`--path is '${flags.path}': it must begin with /`);
  const overPattern = Object.entries({
    users: flags.users, daysPerMonth: flags.days, hoursPerDay: flags.hoursPerDay, requestsPerHour: flags.requestsPerHour, secondsOfActivity: flags.activity,
    maxIdleDurationSeconds: flags.maxIdle, suspendedDurationSeconds: flags.suspended,
  }).flatMap(([member, value]) => (value === undefined ? [] : [[member, value] as const]));
  return {
    port: flags.port,
    path: flags.path,
    executionRoleArn: flags.executionRole,
    runHookPayload: flags.payloadFile === undefined ? undefined : await readFile(flags.payloadFile, 'utf8'),
    sections: sectionsOf(flags.only),
    speed: { rounds: flags.rounds, maxLaunchMs: flags.maxLaunch, maxResumeMs: flags.maxResume },
    pattern: await readPattern(flags.pattern, Object.fromEntries(overPattern)),
    watchSeconds: flags.watch,
  };
}

function sectionsOf(only: string | undefined): readonly SectionName[] {
  if (only === undefined) return SECTIONS;
  const names = only.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !(SECTIONS as readonly string[]).includes(name));
  if (unknown.length > 0) throw new OperatorError(`--only has no '${unknown.join(', ')}': the sections are ${SECTIONS.join(', ')}`);
  return SECTIONS.filter((name) => names.includes(name));
}
