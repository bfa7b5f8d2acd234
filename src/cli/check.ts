/** `tardigrade check <image>`: four validations of the platform with one's own image, and a report. Answers the exit code. */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type CheckOptions, htmlReport, readPattern, runCheck, SECTIONS, type SectionName, textReport } from '../check/contracts.js';
import type { Config } from '../config/config.js';
import type { RemoteAccess } from '../daemon/remote.js';
import { OperatorError } from '../errors/index.js';

export const CHECK_USAGE = `usage: tardigrade check <image> [options]

Runs MicroVMs of an image (name or ARN), measures and tries them, ends them, and reports. Exit code 0: all held;
1: something failed, or nothing could be checked; 130: broken off by Ctrl-C, which ends all it made.

  --image-version <v>     default: the latest active one
  --port <n>, --path <p>  where a GET answers 200 once the application is up (8080, /)
  --only <names>          some of speed,idle,boundary,cleanup; default: all
  --execution-role <arn>, --payload-file <file>
                          what RunMicrovm of the image needs

  -n, --rounds <n>        launches and resumes that are measured (10)
  --max-launch <ms>, --max-resume <ms>
                          fail when the 90th percentile is above

  --pattern <file>        usage pattern, YAML or JSON; these go over its members:
  --users <n>, --days <n>, --hours-per-day <n>, --requests-per-hour <n>, --activity <s>, --max-idle <s>, --suspended <s>
  --watch <s>             how long an idle MicroVM is watched (15)

  --json                  the report as JSON instead of text
  --output <file>         the report as JSON there too
  --html <file>           the report as a page with charts
`;

const text = { type: 'string' } as const;
const OPTIONS = {
  'image-version': text, port: text, path: text, only: text, 'execution-role': text, 'payload-file': text, rounds: { type: 'string', short: 'n' },
  'max-launch': text, 'max-resume': text, pattern: text, users: text, days: text, 'hours-per-day': text, 'requests-per-hour': text, activity: text,
  'max-idle': text, suspended: text, watch: text, output: text, html: text, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' },
} as const;

/** Flags and the members of the pattern they are. */
const PATTERN_FLAGS = {
  users: 'users', days: 'daysPerMonth', 'hours-per-day': 'hoursPerDay', 'requests-per-hour': 'requestsPerHour', activity: 'secondsOfActivity',
  'max-idle': 'maxIdleDurationSeconds', suspended: 'suspendedDurationSeconds',
} as const;

export interface CheckStreams {
  readonly print: (text: string) => void;
  /** Progress, and what went wrong. */
  readonly say: (text: string) => void;
}

const BROKEN_OFF = 130;

export async function check(args: readonly string[], config: Config, access: () => Promise<RemoteAccess>, { print, say }: CheckStreams): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  if (values.help === true) {
    print(CHECK_USAGE);
    return 0;
  }
  const options = await optionsOf(values, positionals);
  const broken = new AbortController();
  let asked = 0;
  const onSignal = (): void => {
    asked += 1;
    if (asked > 1) process.exit(BROKEN_OFF);
    say('broken off: ending the MicroVMs of the check; again leaves them');
    broken.abort(new Error('broken off'));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  try {
    const report = await runCheck(options, { access: await access(), assetsDir: config.assetsDir, signal: broken.signal, say });
    const json = `${JSON.stringify(report, null, 2)}\n`;
    if (values.output !== undefined) await writeFile(values.output, json);
    if (values.html !== undefined) await writeFile(values.html, htmlReport(report));
    print(values.json === true ? json : textReport(report));
    return report.verdict === 'pass' ? 0 : 1;
  } catch (error) {
    if (broken.signal.aborted) return BROKEN_OFF;
    throw error;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal);
  }
}

type Values = { readonly [K in keyof typeof OPTIONS]?: string | boolean | undefined };

async function optionsOf(values: Values, positionals: readonly string[]): Promise<CheckOptions> {
  const [image] = positionals;
  if (image === undefined || positionals.length > 1) throw new OperatorError(`check needs one image, by name or ARN, e.g. tardigrade check my-app\n\n${CHECK_USAGE}`);
  const word = (name: keyof typeof OPTIONS): string | undefined => (typeof values[name] === 'string' ? values[name] : undefined);
  const number = (name: keyof typeof OPTIONS, rule: (value: number) => boolean, words: string): number | undefined => {
    const given = word(name);
    if (given === undefined) return undefined;
    const value = given.trim() === '' ? Number.NaN : Number(given);
    if (!rule(value)) throw new OperatorError(`--${name} is '${given}': it must be ${words}`);
    return value;
  };
  const positive = (name: keyof typeof OPTIONS): number | undefined => number(name, (value) => value > 0 && Number.isFinite(value), 'a number above 0');
  const path = word('path') ?? '/';
  if (!path.startsWith('/')) throw new OperatorError(`--path is '${path}': it must begin with /`);
  const payloadFile = word('payload-file');
  const flags = Object.entries(PATTERN_FLAGS).flatMap(([flag, member]) => {
    const value = number(flag as keyof typeof PATTERN_FLAGS, Number.isFinite, 'a number');
    return value === undefined ? [] : [[member, value] as const];
  });
  return {
    image,
    imageVersion: word('image-version'),
    port: number('port', (value) => Number.isInteger(value) && value >= 1 && value <= 65_535, 'a port, 1 to 65535') ?? 8080,
    path,
    executionRoleArn: word('execution-role'),
    runHookPayload: payloadFile === undefined ? undefined : await readFile(payloadFile, 'utf8'),
    sections: sectionsOf(word('only')),
    speed: { rounds: number('rounds', (value) => Number.isInteger(value) && value >= 1 && value <= 1000, 'a whole number, 1 to 1000') ?? 10, maxLaunchMs: positive('max-launch'), maxResumeMs: positive('max-resume') },
    pattern: await readPattern(word('pattern'), Object.fromEntries(flags)),
    watchSeconds: number('watch', (value) => value >= 1 && value <= 3600, '1 to 3600 seconds') ?? 15,
  };
}

function sectionsOf(only: string | undefined): readonly SectionName[] {
  if (only === undefined) return SECTIONS;
  const names = only.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !(SECTIONS as readonly string[]).includes(name));
  if (unknown.length > 0) throw new OperatorError(`--only has no '${unknown.join(', ')}': the sections are ${SECTIONS.join(', ')}`);
  return SECTIONS.filter((name) => names.includes(name));
}
