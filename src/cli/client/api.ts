/** The operations the commands call, AWS's and the extensions, with the members they read. */
import { ApiError, callApi, type RemoteAccess } from '../../daemon/remote.js';

const BASE = '/2025-09-09';
const EXTENSIONS = '/tardigrade/v1';

type Maybe<T> = T | null | undefined;

export interface Image {
  readonly imageArn: string;
  readonly name: string;
  readonly state: string;
  readonly latestActiveImageVersion?: Maybe<string>;
  readonly latestFailedImageVersion?: Maybe<string>;
  /** Epoch seconds, as all times of the API. */
  readonly createdAt: number;
}

export interface ImageVersion {
  readonly imageVersion: string;
  readonly state: string;
  readonly status: string;
  readonly stateReason?: Maybe<string>;
  readonly createdAt: number;
  readonly resources?: Maybe<readonly { readonly minimumMemoryInMiB: number }[]>;
  readonly logging?: Maybe<{ readonly disabled?: object; readonly cloudWatch?: { readonly logGroup?: string; readonly logStream?: string } }>;
  readonly hooks?: Maybe<{ readonly port?: number }>;
}

export interface Build {
  readonly buildId: string;
  readonly buildState: string;
  readonly stateReason?: Maybe<string>;
  readonly architecture?: string;
  readonly createdAt: number;
  readonly snapshotBuild?: Maybe<{ readonly memorySnapshotSizeInBytes?: Maybe<number>; readonly diskSnapshotSizeInBytes?: Maybe<number>; readonly codeInstallSizeInBytes?: Maybe<number> }>;
}

export interface BuildStep {
  readonly name: string;
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED';
  readonly startedAt: number;
  readonly endedAt: number | null;
}

export interface MicrovmSummary {
  readonly microvmId: string;
  readonly state: string;
  readonly imageArn: string;
  readonly imageVersion: string;
  readonly startedAt: number;
}

export interface Microvm extends MicrovmSummary {
  /** Host and port, unless that is 443. */
  readonly endpoint: string;
  readonly stateReason?: Maybe<string>;
  readonly maximumDurationInSeconds?: Maybe<number>;
  readonly executionRoleArn?: Maybe<string>;
  readonly idlePolicy?: Maybe<{ readonly maxIdleDurationSeconds: number; readonly suspendedDurationSeconds: number; readonly autoResumeEnabled: boolean }>;
  readonly terminatedAt?: Maybe<number>;
  readonly ingressNetworkConnectors?: Maybe<readonly string[]>;
  readonly egressNetworkConnectors?: Maybe<readonly string[]>;
}

export interface Outlook {
  readonly next: Maybe<{ readonly to: string; readonly at: number; readonly because: string }>;
}

export interface Launch {
  readonly kind: 'RUN' | 'RESUME';
  readonly startedAt: number;
  readonly totalMs: number;
  readonly phases: readonly { readonly name: string; readonly startMs: number; readonly durationMs: number }[];
}

export interface TopRow {
  readonly microvmId: string;
  readonly imageArn: string;
  readonly imageVersion: string;
  readonly state: string;
  /** vCPUs in use. */
  readonly cpu: number | null;
  readonly memoryBytes: number | null;
  readonly memoryMiB: number;
  readonly runningSeconds: number;
}

export interface Garbage {
  readonly dryRun: boolean;
  readonly removed: readonly { readonly kind: string; readonly count: number; readonly bytes: number }[];
  readonly bytes: number;
}

const MAX_PAGE = '50';

export class Api {
  constructor(readonly access: RemoteAccess) {}

  images(): Promise<Image[]> {
    return this.#all<Image>(`${BASE}/microvm-images`);
  }

  image(arn: string): Promise<Image> {
    return this.#get(imagePath(arn));
  }

  createImage(input: object): Promise<{ readonly imageArn: string; readonly imageVersion: string }> {
    return this.#call('POST', `${BASE}/microvm-images`, input);
  }

  updateImage(arn: string, input: object): Promise<{ readonly imageArn: string; readonly imageVersion: string }> {
    return this.#call('PUT', imagePath(arn), input);
  }

  deleteImage(arn: string): Promise<unknown> {
    return this.#call('DELETE', imagePath(arn));
  }

  deleteVersion(arn: string, version: string): Promise<unknown> {
    return this.#call('DELETE', versionPath(arn, version));
  }

  versions(arn: string): Promise<ImageVersion[]> {
    return this.#all<ImageVersion>(`${imagePath(arn)}/versions`);
  }

  version(arn: string, version: string): Promise<ImageVersion> {
    return this.#get(versionPath(arn, version));
  }

  builds(arn: string, version: string): Promise<Build[]> {
    return this.#all<Build>(`${versionPath(arn, version)}/builds`);
  }

  build(arn: string, version: string, buildId: string): Promise<Build> {
    return this.#get(`${versionPath(arn, version)}/builds/${encodeURIComponent(buildId)}`);
  }

  /** undefined: the server does not tell. */
  async steps(arn: string, version: string, buildId: string): Promise<readonly BuildStep[] | undefined> {
    const path = `${EXTENSIONS}/images/${encodeURIComponent(arn)}/versions/${encodeURIComponent(version)}/builds/${encodeURIComponent(buildId)}/steps`;
    return (await this.#ifServed(() => this.#get<{ steps: readonly BuildStep[] }>(path)))?.steps;
  }

  microvms(imageArn?: string): Promise<MicrovmSummary[]> {
    return this.#all<MicrovmSummary>(`${BASE}/microvms`, imageArn === undefined ? {} : { imageIdentifier: imageArn });
  }

  microvm(id: string): Promise<Microvm> {
    return this.#get(microvmPath(id));
  }

  run(input: object): Promise<Microvm> {
    return this.#call('POST', `${BASE}/microvms`, input);
  }

  suspend(id: string): Promise<unknown> {
    return this.#call('POST', `${microvmPath(id)}/suspend`);
  }

  resume(id: string): Promise<unknown> {
    return this.#call('POST', `${microvmPath(id)}/resume`);
  }

  terminate(id: string): Promise<unknown> {
    return this.#call('DELETE', microvmPath(id));
  }

  async appToken(id: string, allowedPorts: readonly object[], minutes: number): Promise<string> {
    return tokenOf(await this.#call('POST', `${microvmPath(id)}/auth-token`, { expirationInMinutes: minutes, allowedPorts }));
  }

  async shellToken(id: string, minutes: number): Promise<string> {
    return tokenOf(await this.#call('POST', `${microvmPath(id)}/shell-auth-token`, { expirationInMinutes: minutes }));
  }

  /** undefined: the server does not tell; also of the next two. */
  outlook(id: string): Promise<Outlook | undefined> {
    return this.#ifServed(() => this.#get<Outlook>(`${EXTENSIONS}/microvms/${encodeURIComponent(id)}/outlook`));
  }

  async launches(id: string): Promise<readonly Launch[] | undefined> {
    return (await this.#ifServed(() => this.#get<{ launches: readonly Launch[] }>(`${EXTENSIONS}/microvms/${encodeURIComponent(id)}/launches`)))?.launches;
  }

  usage(query: Readonly<Record<string, string>>): Promise<unknown> {
    return this.#get(`${EXTENSIONS}/usage${queryText(query)}`);
  }

  microvmUsage(id: string): Promise<unknown> {
    return this.#get(`${EXTENSIONS}/microvms/${encodeURIComponent(id)}/usage`);
  }

  async top(): Promise<readonly TopRow[]> {
    return (await this.#get<{ microvms: readonly TopRow[] }>(`${EXTENSIONS}/top`)).microvms;
  }

  collectGarbage(dryRun: boolean): Promise<Garbage> {
    return this.#call('POST', `${EXTENSIONS}/gc`, { dryRun });
  }

  async #all<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T[]> {
    const found: T[] = [];
    for (let next = ''; ; ) {
      const page = await this.#get<{ items: readonly T[]; nextToken?: Maybe<string> }>(`${path}${queryText({ ...query, maxResults: MAX_PAGE, ...(next === '' ? {} : { nextToken: next }) })}`);
      found.push(...page.items);
      if (!page.nextToken) return found;
      next = page.nextToken;
    }
  }

  #get<T>(path: string): Promise<T> {
    return this.#call('GET', path);
  }

  async #call<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<T> {
    return (await callApi(this.access, method, path, body)) as T;
  }

  /** Extensions that only add to an answer: an older server, or a key without the right to them, does without. */
  async #ifServed<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof ApiError && /^(UnknownOperation|ResourceNotFound|AccessDenied)Exception$/.test(error.type)) return undefined;
      throw error;
    }
  }
}

function imagePath(arn: string): string {
  return `${BASE}/microvm-images/${encodeURIComponent(arn)}`;
}

function versionPath(arn: string, version: string): string {
  return `${imagePath(arn)}/versions/${encodeURIComponent(version)}`;
}

function microvmPath(id: string): string {
  return `${BASE}/microvms/${encodeURIComponent(id)}`;
}

function queryText(query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? '' : `?${text}`;
}

function tokenOf(answer: { readonly authToken: { readonly 'X-aws-proxy-auth': string } }): string {
  return answer.authToken['X-aws-proxy-auth'];
}
