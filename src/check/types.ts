/**
 * `tardigrade check`: what a careful team tries before it trusts a platform with its image, and the report of it.
 *
 * A **section** is one of the four validations. A **finding** is one thing tried in it: what was expected, what was seen,
 * and whether that held. The whole report is data; text and HTML are made from it.
 */
export const SECTIONS = ['speed', 'idle', 'boundary', 'cleanup'] as const;
export type SectionName = (typeof SECTIONS)[number];

/**
 * - held: seen as expected.
 * - failed: seen otherwise.
 * - not-checked: could not be tried here; `seen` says why.
 * - info: a figure, of which nothing is expected.
 */
export type Outcome = 'held' | 'failed' | 'not-checked' | 'info';

export interface Finding {
  readonly name: string;
  readonly expected: string;
  readonly seen: string;
  readonly outcome: Outcome;
}

/** pass: something held and nothing failed. incomplete: nothing could be checked. */
export type Verdict = 'pass' | 'fail' | 'incomplete';

export interface Section<Name extends SectionName = SectionName, Data = unknown> {
  readonly name: Name;
  readonly title: string;
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
  /** Absent: it ended before it had any. */
  readonly data?: Data | undefined;
}

/** Milliseconds. */
export interface Percentiles {
  readonly n: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface Timing {
  readonly samples: readonly number[];
  readonly percentiles: Percentiles;
  /** Median duration of each phase, in their order; empty: the service does not tell. */
  readonly phases: readonly { readonly name: string; readonly medianMs: number }[];
}

export interface SpeedData {
  readonly launch: Timing;
  readonly resume: Timing;
}

/** AWS's, seconds. */
export interface IdlePolicy {
  readonly maxIdleDurationSeconds: number;
  readonly suspendedDurationSeconds: number;
  readonly autoResumeEnabled: boolean;
}

/** How people will use it. Each user has a MicroVM of their own. */
export interface Pattern {
  readonly users: number;
  /** Of 30, those with requests. */
  readonly daysPerMonth: number;
  /** Of these days the hours with requests; all other hours have none. */
  readonly hoursPerDay: number;
  /** Of one user, evenly spaced. */
  readonly requestsPerHour: number;
  /** For how long one request keeps the application busy. */
  readonly secondsOfActivity: number;
  readonly maxIdleDurationSeconds: number;
  readonly suspendedDurationSeconds: number;
}

/** What the real run showed. Rates are for each second. */
export interface Measured {
  readonly memoryMiB: number;
  readonly idleCpuPerSecond: number;
  readonly idleBurstCpuPerSecond: number;
  readonly activeCpuPerSecond: number;
  readonly activeBurstCpuPerSecond: number;
  /** CPU time of one launch or resume, until its first answer. */
  readonly launchCpuSeconds: number;
  readonly launchBurstCpuSeconds: number;
  readonly resumeCpuSeconds: number;
  readonly resumeBurstCpuSeconds: number;
  readonly memoryBytes: number;
  readonly burstMemoryBytes: number;
  readonly launchReadBytes: number;
  readonly resumeReadBytes: number;
  readonly suspendWrittenBytes: number;
  readonly suspendedBytes: number;
  readonly imageStoredBytes: number;
}

/** Of all users in a month. */
export interface MonthUse {
  readonly activeSeconds: number;
  readonly idleSeconds: number;
  readonly suspendedSeconds: number;
  readonly launches: number;
  readonly resumes: number;
  readonly suspends: number;
}

export interface MonthLine {
  readonly dimension: string;
  readonly unit: string;
  readonly quantity: number;
  readonly unitPrice: number;
  readonly cost: number;
}

export interface Month {
  readonly use: MonthUse;
  readonly lines: readonly MonthLine[];
  /** US dollars. */
  readonly cost: number;
}

export interface IdleData {
  readonly pattern: Pattern;
  readonly measured: Measured;
  readonly asDescribed: Month;
  readonly alwaysOn: Month;
}

export interface Report {
  /** Of this format; a member may be added, none changes its meaning. */
  readonly format: 1;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly service: { readonly apiUrl: string; readonly region: string };
  readonly image: { readonly arn: string; readonly version: string; readonly memoryMiB: number };
  readonly request: { readonly port: number; readonly path: string };
  /** fail: one section at least; incomplete: one at least, and none failed. */
  readonly verdict: Verdict;
  /** MicroVMs of the check that could not be ended, and why; with any the verdict is fail. */
  readonly left: readonly string[];
  readonly speed?: Section<'speed', SpeedData> | undefined;
  readonly idle?: Section<'idle', IdleData> | undefined;
  readonly boundary?: Section<'boundary', undefined> | undefined;
  readonly cleanup?: Section<'cleanup', undefined> | undefined;
}
