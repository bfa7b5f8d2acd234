/**
 * Cold launch and resume of the user's own image: RunMicrovm → first HTTP 200, and request to a suspended MicroVM → its
 * HTTP 200, as a client sees them: API calls, token, TLS and the application's own answer are in them.
 */
import { messageOf } from '../errors/index.js';
import { firstAnswer } from './answer.js';
import type { Phases } from './client/api.js';
import { BY_REQUEST, type Fleet } from './client/fleet.js';
import type { Finding, Section, SpeedData, Timing } from './types.js';
import { finding, info, section } from './findings.js';
import { percentile, percentiles } from './percentiles.js';

export interface SpeedOptions {
  readonly rounds: number;
  /** Bounds of the 90th percentiles, ms; absent: nothing is expected of them. */
  readonly maxLaunchMs: number | undefined;
  readonly maxResumeMs: number | undefined;
}

/** Rounds before the counted ones: caches fill. */
const WARM_UP = 1;
/** Lets what the step before left (links being made, processes ending) finish before the next is timed. */
const SETTLE_MS = 250;

interface Round {
  readonly launchMs: number;
  readonly launchPhases: Phases | undefined;
  readonly resumeMs: number;
  readonly resumePhases: Phases | undefined;
}

export async function checkSpeed(fleet: Fleet, options: SpeedOptions, say: (text: string) => void): Promise<Section<'speed', SpeedData>> {
  const rounds: Round[] = [];
  const failures: string[] = [];
  for (let round = 1 - WARM_UP; round <= options.rounds; round++) {
    say(round < 1 ? 'speed: warming up' : `speed: round ${round} of ${options.rounds}`);
    try {
      const measured = await oneRound(fleet);
      if (round > 0) rounds.push(measured);
    } catch (error) {
      fleet.signal.throwIfAborted();
      failures.push(`round ${round}: ${messageOf(error)}`);
      // What fails twice fails again.
      if (failures.length > 1) break;
    }
  }
  const data: SpeedData = {
    launch: timing(rounds.map(({ launchMs }) => launchMs), rounds.map(({ launchPhases }) => launchPhases)),
    resume: timing(rounds.map(({ resumeMs }) => resumeMs), rounds.map(({ resumePhases }) => resumePhases)),
  };
  const findings: Finding[] = [
    finding('every launch and resume is answered', `${options.rounds + WARM_UP} of each`, failures.length === 0 ? `${rounds.length + WARM_UP} of each` : failures.join('; '), failures.length === 0),
    ...bound('launch, 90th percentile', data.launch, options.maxLaunchMs),
    ...bound('resume, 90th percentile', data.resume, options.maxResumeMs),
  ];
  return section('speed', 'Cold launch and resume', findings, rounds.length === 0 ? undefined : data);
}

async function oneRound(fleet: Fleet): Promise<Round> {
  await fleet.pause(SETTLE_MS);
  const launchStarted = performance.now();
  const vm = await fleet.launch({ idlePolicy: BY_REQUEST });
  await firstAnswer(fleet, vm);
  const launchMs = performance.now() - launchStarted;
  const launchPhases = await fleet.api.phases(vm.id, 'RUN');
  await fleet.suspend(vm);
  await fleet.pause(SETTLE_MS);
  const resumeStarted = performance.now();
  await firstAnswer(fleet, vm);
  const resumeMs = performance.now() - resumeStarted;
  const resumePhases = await fleet.api.phases(vm.id, 'RESUME');
  await fleet.end(vm);
  return { launchMs, launchPhases, resumeMs, resumePhases };
}

function bound(name: string, { percentiles: { n, p90 } }: Timing, limitMs: number | undefined): Finding[] {
  if (n === 0) return [];
  const seen = `${Math.round(p90)} ms of ${n}`;
  return [limitMs === undefined ? info(name, seen) : finding(name, `at most ${limitMs} ms`, seen, p90 <= limitMs)];
}

export function timing(samples: readonly number[], phases: readonly (Phases | undefined)[]): Timing {
  const durations = new Map<string, number[]>();
  for (const { name, durationMs } of phases.flatMap((one) => one ?? [])) durations.set(name, [...(durations.get(name) ?? []), durationMs]);
  return {
    samples,
    percentiles: percentiles(samples),
    phases: [...durations].map(([name, values]) => ({ name, medianMs: percentile(values, 0.5) })),
  };
}
