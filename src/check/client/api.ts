/** The operations a check calls, AWS's and ours, with the members it reads of their answers. */
import { z } from 'zod';
import { ApiError, callApi, type RemoteAccess } from '../../daemon/remote.js';
import type { IdlePolicy } from '../types.js';

const BASE = '/2025-09-09';

const microvm = z.object({
  microvmId: z.string().min(1),
  endpoint: z.string().min(1),
  state: z.string(),
  stateReason: z.string().nullish(),
  startedAt: z.number(),
  terminatedAt: z.number().nullish(),
});
export type Microvm = z.infer<typeof microvm>;

const token = z.object({ authToken: z.object({ 'X-aws-proxy-auth': z.string().min(1) }) });
const summaries = z.object({ items: z.array(z.object({ microvmId: z.string(), state: z.string() })), nextToken: z.string().nullish() });
const images = z.object({ items: z.array(z.object({ imageArn: z.string(), name: z.string(), latestActiveImageVersion: z.string().nullish() })), nextToken: z.string().nullish() });
const version = z.object({
  imageVersion: z.string(),
  resources: z.array(z.object({ minimumMemoryInMiB: z.number() })).nullish(),
  additionalOsCapabilities: z.array(z.string()).nullish(),
});
const builds = z.object({ items: z.array(z.object({ buildId: z.string() })) });
const build = z.object({ snapshotBuild: z.object({ memorySnapshotSizeInBytes: z.number().nullish(), diskSnapshotSizeInBytes: z.number().nullish() }).nullish() });

const launches = z.object({
  launches: z.array(z.object({
    kind: z.enum(['RUN', 'RESUME']),
    phases: z.array(z.object({ name: z.string(), durationMs: z.number() })),
  })),
});
export type Phases = readonly { readonly name: string; readonly durationMs: number }[];

const usage = z.object({
  memoryMiB: z.number(),
  usage: z.object({
    runningSeconds: z.number(), suspendedSeconds: z.number(), cpuSeconds: z.number(), burstCpuSeconds: z.number(), measuredSeconds: z.number(),
    memoryByteSeconds: z.number(), burstMemoryByteSeconds: z.number(), peakMemoryBytes: z.number(), snapshotReadBytes: z.number(),
    snapshotWrittenBytes: z.number(), storedByteSeconds: z.number(), launches: z.number(), resumes: z.number(), suspends: z.number(),
  }),
  charges: z.array(z.object({ dimension: z.string(), unitPrice: z.number() })),
});
export type Usage = z.infer<typeof usage>;

export interface RunInput {
  readonly imageIdentifier: string;
  readonly imageVersion?: string | undefined;
  readonly idlePolicy?: IdlePolicy | undefined;
  readonly maximumDurationInSeconds?: number | undefined;
  readonly ingressNetworkConnectors?: readonly string[] | undefined;
  readonly executionRoleArn?: string | undefined;
  readonly runHookPayload?: string | undefined;
  readonly clientToken?: string | undefined;
}

export interface ImageFacts {
  readonly arn: string;
  readonly version: string;
  readonly memoryMiB: number;
  /** Root in the container owns its whole machine. */
  readonly allCapabilities: boolean;
  /** Memory and disk snapshot. */
  readonly storedBytes: number;
}

/** Baseline of a version that names none, as AWS has it. */
const DEFAULT_MEMORY_MIB = 2048;

export class Api {
  constructor(readonly access: RemoteAccess) {}

  async run(input: RunInput, signal?: AbortSignal): Promise<Microvm> {
    return microvm.parse(await callApi(this.access, 'POST', `${BASE}/microvms`, input, signal));
  }

  async get(id: string): Promise<Microvm> {
    return microvm.parse(await callApi(this.access, 'GET', this.#path(id)));
  }

  async suspend(id: string): Promise<void> {
    await callApi(this.access, 'POST', `${this.#path(id)}/suspend`);
  }

  async terminate(id: string): Promise<void> {
    await callApi(this.access, 'DELETE', this.#path(id));
  }

  async token(id: string, port: number, minutes = 15): Promise<string> {
    const answer = await callApi(this.access, 'POST', `${this.#path(id)}/auth-token`, { expirationInMinutes: minutes, allowedPorts: [{ port }] });
    return token.parse(answer).authToken['X-aws-proxy-auth'];
  }

  async shellToken(id: string): Promise<string> {
    return token.parse(await callApi(this.access, 'POST', `${this.#path(id)}/shell-auth-token`, { expirationInMinutes: 1 })).authToken['X-aws-proxy-auth'];
  }

  /** States of the image's MicroVMs, ended ones included. */
  async states(imageArn: string): Promise<Map<string, string>> {
    const states = new Map<string, string>();
    for (let next = ''; ; ) {
      const query = new URLSearchParams({ imageIdentifier: imageArn, maxResults: '50', ...(next === '' ? {} : { nextToken: next }) });
      const { items, nextToken } = summaries.parse(await callApi(this.access, 'GET', `${BASE}/microvms?${query.toString()}`));
      for (const { microvmId, state } of items) states.set(microvmId, state);
      if (!nextToken) return states;
      next = nextToken;
    }
  }

  /** undefined: the service has no such operation, or counts nothing yet. */
  async usage(id: string): Promise<Usage | undefined> {
    return absentAs(undefined, async () => usage.parse(await callApi(this.access, 'GET', `/tardigrade/v1/microvms/${encodeURIComponent(id)}/usage`)));
  }

  /** Phases of the newest launch of the kind; undefined: the service does not tell. */
  async phases(id: string, kind: 'RUN' | 'RESUME'): Promise<Phases | undefined> {
    return absentAs(undefined, async () => {
      const answer = launches.parse(await callApi(this.access, 'GET', `/tardigrade/v1/microvms/${encodeURIComponent(id)}/launches`));
      return answer.launches.find((launch) => launch.kind === kind)?.phases;
    });
  }

  /** By name or ARN. Throws when there is none, or no version of it that runs. */
  async image(nameOrArn: string, wantedVersion: string | undefined): Promise<ImageFacts> {
    const found = await this.#find(nameOrArn);
    const imageVersion = wantedVersion ?? found.latestActiveImageVersion;
    if (!imageVersion) throw new ApiError('ResourceNotFoundException', `image ${found.name} has no active version: build one, and see its build's stateReason`);
    const path = `${BASE}/microvm-images/${encodeURIComponent(found.imageArn)}/versions/${encodeURIComponent(imageVersion)}`;
    const facts = version.parse(await callApi(this.access, 'GET', path));
    const [first] = builds.parse(await callApi(this.access, 'GET', `${path}/builds`)).items;
    const snapshot = first === undefined ? undefined : build.parse(await callApi(this.access, 'GET', `${path}/builds/${encodeURIComponent(first.buildId)}`)).snapshotBuild;
    return {
      arn: found.imageArn,
      version: facts.imageVersion,
      memoryMiB: facts.resources?.[0]?.minimumMemoryInMiB ?? DEFAULT_MEMORY_MIB,
      allCapabilities: facts.additionalOsCapabilities?.includes('ALL') ?? false,
      storedBytes: (snapshot?.memorySnapshotSizeInBytes ?? 0) + (snapshot?.diskSnapshotSizeInBytes ?? 0),
    };
  }

  async #find(nameOrArn: string): Promise<z.infer<typeof images>['items'][number]> {
    const name = nameOrArn.startsWith('arn:') ? (nameOrArn.split(':').at(-1) ?? '') : nameOrArn;
    for (let next = ''; ; ) {
      const query = new URLSearchParams({ nameFilter: name, maxResults: '50', ...(next === '' ? {} : { nextToken: next }) });
      const { items, nextToken } = images.parse(await callApi(this.access, 'GET', `${BASE}/microvm-images?${query.toString()}`));
      const found = items.find((item) => item.name === nameOrArn || item.imageArn === nameOrArn);
      if (found !== undefined) return found;
      if (!nextToken) throw new ApiError('ResourceNotFoundException', `there is no image ${nameOrArn} for this key: names are those CreateMicrovmImage was called with`);
      next = nextToken;
    }
  }

  #path(id: string): string {
    return `${BASE}/microvms/${encodeURIComponent(id)}`;
  }
}

/** Extensions are ours: another service, or an older one, does not have them. */
async function absentAs<T>(absent: T, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ApiError && /^(ResourceNotFoundException|UnknownOperationException|AccessDeniedException|HTTP 40[34])/.test(error.type)) return absent;
    throw error;
  }
}
