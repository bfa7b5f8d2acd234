/** Images, their versions and builds. Times are epoch seconds. */
import { call, pages, query } from './client.js';

export type ImageState = 'CREATING' | 'CREATED' | 'CREATE_FAILED' | 'UPDATING' | 'UPDATED' | 'UPDATE_FAILED' | 'DELETING' | 'DELETE_FAILED' | 'DELETED';
export type VersionState = 'PENDING' | 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED' | 'DELETING' | 'DELETED' | 'DELETE_FAILED';
export type Tags = Readonly<Record<string, string>>;

export interface ImageSummary {
  readonly imageArn: string;
  readonly name: string;
  readonly state: ImageState;
  readonly latestActiveImageVersion: string | null;
  readonly latestFailedImageVersion: string | null;
  readonly createdAt: number;
}

export interface Image extends ImageSummary {
  readonly tags: Tags;
  readonly updatedAt: number;
}

export interface Hooks {
  readonly port?: number;
  readonly microvmImageHooks?: Readonly<Record<string, string | number>>;
  readonly microvmHooks?: Readonly<Record<string, string | number>>;
}

export interface ImageInput {
  readonly baseImageArn: string;
  readonly buildRoleArn: string;
  readonly codeArtifact: { readonly uri: string };
  readonly description?: string;
  readonly resources?: readonly { readonly minimumMemoryInMiB: number }[];
  readonly hooks?: Hooks;
  readonly environmentVariables?: Readonly<Record<string, string>>;
}

export interface Logging {
  readonly disabled?: object;
  readonly cloudWatch?: { readonly logGroup?: string; readonly logStream?: string };
}

export interface Version {
  readonly imageArn: string;
  readonly imageVersion: string;
  readonly state: VersionState;
  readonly status: 'ACTIVE' | 'INACTIVE';
  readonly stateReason: string | null;
  readonly baseImageArn: string;
  readonly buildRoleArn: string;
  readonly codeArtifact: { readonly uri: string };
  readonly description: string | null;
  readonly logging: Logging | null;
  readonly egressNetworkConnectors: readonly string[] | null;
  readonly resources: readonly { readonly minimumMemoryInMiB: number }[] | null;
  readonly additionalOsCapabilities: readonly string[] | null;
  readonly hooks: Hooks | null;
  readonly environmentVariables: Readonly<Record<string, string>> | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface Build {
  readonly buildId: string;
  readonly buildState: 'PENDING' | 'IN_PROGRESS' | 'SUCCESSFUL' | 'FAILED';
  readonly stateReason: string | null;
  readonly architecture: string;
  readonly createdAt: number;
  readonly snapshotBuild?: { readonly memorySnapshotSizeInBytes?: number; readonly codeInstallSizeInBytes?: number; readonly diskSnapshotSizeInBytes?: number } | null;
}

export interface BuildStep {
  readonly name: string;
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED';
  readonly startedAt: number;
  readonly endedAt: number | null;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly nextToken: string | null;
}

const ALL = '/api/2025-09-09/microvm-images';
const image = (arn: string): string => `${ALL}/${encodeURIComponent(arn)}`;
const version = (arn: string, of: string): string => `${image(arn)}/versions/${encodeURIComponent(of)}`;

function all<T>(path: string, signal: AbortSignal): Promise<T[]> {
  return pages((nextToken) => call<Page<T>>(`${path}${query({ nextToken })}`, { signal }), ({ items }) => items, ({ nextToken }) => nextToken);
}

export const listImages = (signal: AbortSignal): Promise<ImageSummary[]> => all(ALL, signal);
export const getImage = (arn: string, signal: AbortSignal): Promise<Image> => call(image(arn), { signal });
export const createImage = (name: string, input: ImageInput, clientToken: string): Promise<{ imageVersion: string }> => call(ALL, { method: 'POST', body: { name, ...input, clientToken } });
export const updateImage = (arn: string, input: ImageInput, clientToken: string): Promise<{ imageVersion: string }> => call(image(arn), { method: 'PUT', body: { ...input, clientToken } });
export const deleteImage = (arn: string): Promise<void> => call(image(arn), { method: 'DELETE' });

export const listVersions = (arn: string, signal: AbortSignal): Promise<Version[]> => all(`${image(arn)}/versions`, signal);
export const getVersion = (arn: string, of: string, signal: AbortSignal): Promise<Version> => call(version(arn, of), { signal });
export const setVersionStatus = (arn: string, of: string, status: Version['status']): Promise<void> => call(version(arn, of), { method: 'PATCH', body: { status } });
export const deleteVersion = (arn: string, of: string): Promise<void> => call(version(arn, of), { method: 'DELETE' });

/** With their sizes, which lists leave out. */
export async function listBuilds(arn: string, of: string, signal: AbortSignal): Promise<Build[]> {
  const builds = await all<Build>(`${version(arn, of)}/builds`, signal);
  return Promise.all(builds.map(({ buildId }) => call<Build>(`${version(arn, of)}/builds/${encodeURIComponent(buildId)}`, { signal })));
}

export async function listSteps(arn: string, of: string, buildId: string, signal: AbortSignal): Promise<readonly BuildStep[]> {
  const path = `/api/tardigrade/v1/images/${encodeURIComponent(arn)}/versions/${encodeURIComponent(of)}/builds/${encodeURIComponent(buildId)}/steps`;
  return (await call<{ steps: readonly BuildStep[] }>(path, { signal })).steps;
}

export async function listBaseImages(signal: AbortSignal): Promise<string[]> {
  return (await all<{ imageArn: string }>('/api/2025-09-09/managed-microvm-images', signal)).map(({ imageArn }) => imageArn);
}
