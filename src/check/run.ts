/**
 * The four validations. What waits a minute for a time limit begins first; while it waits, speed is measured; then the
 * rest runs together, as it waits for shorter ones. Whatever it makes is ended, also when it is broken off.
 */
import { readFile } from 'node:fs/promises';
import type { RemoteAccess } from '../daemon/remote.js';
import { messageOf } from '../errors/index.js';
import { beginBoundary } from './boundary.js';
import { beginCleanup } from './cleanup.js';
import { Api } from './client/api.js';
import { Fleet } from './client/fleet.js';
import type { Pattern, Report, Section, SectionName } from './types.js';
import { finding, overall, section } from './findings.js';
import { hostFacts, readyNamespaces } from './host.js';
import { checkIdle } from './idle.js';
import { createProbes } from './probe.js';
import { checkSpeed, type SpeedOptions } from './speed.js';

export interface CheckOptions {
  /** Name or ARN. */
  readonly image: string;
  readonly imageVersion: string | undefined;
  readonly port: number;
  readonly path: string;
  readonly executionRoleArn: string | undefined;
  readonly runHookPayload: string | undefined;
  readonly sections: readonly SectionName[];
  readonly speed: SpeedOptions;
  readonly pattern: Pattern;
  readonly watchSeconds: number;
}

export interface CheckHost {
  readonly access: RemoteAccess;
  /** Where programs for guests are kept. */
  readonly assetsDir: string;
  /** Aborted: all is ended, and the check rejects with its reason. */
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

export async function runCheck(options: CheckOptions, { access, assetsDir, signal, say }: CheckHost): Promise<Report> {
  const startedAt = new Date();
  const started = performance.now();
  const api = new Api(access);
  const image = await api.image(options.image, options.imageVersion);
  const ca = access.caFile === undefined ? undefined : await readFile(access.caFile);
  const { port, path, executionRoleArn, runHookPayload } = options;
  const fleet = new Fleet(api, { image, port, path, executionRoleArn, runHookPayload, ca }, signal);
  const place = createProbes(assetsDir);
  const host = hostFacts(access.apiUrl);
  const wants = (name: SectionName): boolean => options.sections.includes(name);
  const guarded = <Name extends SectionName, Data>(name: Name, title: string, work: (() => Promise<Section<Name, Data>>) | undefined): Promise<Section<Name, Data> | undefined> =>
    work === undefined ? Promise.resolve(undefined) : orFailed(name, title, signal, work);

  const ready = wants('cleanup') ? await readyNamespaces(host) : [];
  let sections: Pick<Report, SectionName>;
  let left: string[];
  try {
    const boundaryBegun = wants('boundary') ? beginBoundary(fleet, { place, host, apiPort: portOf(access.apiUrl) }, say) : undefined;
    const cleanupBegun = wants('cleanup') ? beginCleanup(fleet, { place, host, ready }, say) : undefined;
    await Promise.all([boundaryBegun?.begun, cleanupBegun?.begun]);
    const speed = await guarded('speed', 'Cold launch and resume', wants('speed') ? () => checkSpeed(fleet, options.speed, say) : undefined);
    const [idle, boundary, cleanup] = await together([
      guarded('idle', 'Idle cost', wants('idle') ? () => checkIdle(fleet, { pattern: options.pattern, watchSeconds: options.watchSeconds }, say) : undefined),
      guarded('boundary', 'Tenant boundary', boundaryBegun?.finish),
      guarded('cleanup', 'Cleanup after crash, time-out and abandonment', cleanupBegun?.finish),
    ] as const);
    sections = { speed, idle, boundary, cleanup };
  } finally {
    left = await fleet.close();
    if (left.length > 0) say(`could not be ended: ${left.join('; ')}`);
  }
  const verdict = left.length > 0 ? 'fail' : overall(Object.values(sections).flatMap((one: Section | undefined) => (one === undefined ? [] : [one.verdict])));
  return {
    format: 1,
    startedAt: startedAt.toISOString(),
    seconds: (performance.now() - started) / 1000,
    service: { apiUrl: access.apiUrl, region: access.region },
    image: { arn: image.arn, version: image.version, memoryMiB: image.memoryMiB },
    request: { port, path },
    verdict,
    left,
    ...sections,
  };
}

/** Waits for all, so that none goes on behind a failure's back. Rejects with the first that did. */
async function together<T extends readonly Promise<unknown>[]>(all: T): Promise<{ readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(all);
  return Promise.all(all);
}

async function orFailed<Name extends SectionName, Data>(name: Name, title: string, signal: AbortSignal, work: () => Promise<Section<Name, Data>>): Promise<Section<Name, Data>> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    return section<Name, Data>(name, title, [finding('runs to its end', 'yes', messageOf(error), false)]);
  }
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}
