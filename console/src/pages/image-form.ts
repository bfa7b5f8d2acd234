/** What the form for an image asks, and the request it makes of it. */
import type { SessionInfo } from '../api/client.js';
import type { Hooks, ImageInput, Version } from '../api/images.js';

export interface ImageForm {
  /** ''; or MiB */
  readonly memoryMiB: string;
  /** ARN; '': the first there is */
  readonly base: string;
  readonly ready: boolean;
  readonly hookPort: string;
  readonly description: string;
  readonly role: string;
  /** A line each: NAME=value */
  readonly environment: string;
}

/** s an application has to answer /ready. */
const READY_SECONDS = 120;

export function defaultForm({ accountId }: SessionInfo): ImageForm {
  return { memoryMiB: '512', base: '', ready: false, hookPort: '8080', description: '', role: `arn:aws:iam::${accountId}:role/build`, environment: '' };
}

/** As that version was made. */
export function formOf({ resources, baseImageArn, hooks, description, buildRoleArn, environmentVariables }: Version): ImageForm {
  return {
    memoryMiB: resources?.[0] === undefined ? '' : String(resources[0].minimumMemoryInMiB),
    base: baseImageArn,
    ready: hooks?.microvmImageHooks?.['ready'] === 'ENABLED',
    hookPort: String(hooks?.port ?? 8080),
    description: description ?? '',
    role: buildRoleArn,
    environment: Object.entries(environmentVariables ?? {}).map(([name, value]) => `${name}=${value}`).join('\n'),
  };
}

/** A version is made of its request alone: what the form does not ask is taken over from the one before. */
export function inputOf(form: ImageForm, uri: string, before: Version | undefined): ImageInput {
  const environment = environmentOf(form.environment);
  const carried = before === undefined ? {} : withoutNulls({ logging: before.logging, egressNetworkConnectors: before.egressNetworkConnectors, additionalOsCapabilities: before.additionalOsCapabilities });
  const hooks = hooksOf(form, before?.hooks ?? {});
  return {
    ...carried,
    baseImageArn: form.base,
    buildRoleArn: form.role,
    codeArtifact: { uri },
    ...(form.description === '' ? {} : { description: form.description }),
    ...(form.memoryMiB === '' ? {} : { resources: [{ minimumMemoryInMiB: Number(form.memoryMiB) }] }),
    ...(hooks === undefined ? {} : { hooks }),
    ...(Object.keys(environment).length === 0 ? {} : { environmentVariables: environment }),
  };
}

function hooksOf({ ready, hookPort }: ImageForm, before: Hooks): Hooks | undefined {
  const others = Object.entries(before.microvmImageHooks ?? {}).filter(([name]) => !name.startsWith('ready'));
  const readyTimeoutInSeconds = before.microvmImageHooks?.['readyTimeoutInSeconds'] ?? READY_SECONDS;
  const microvmImageHooks = { ...Object.fromEntries(others), ...(ready ? { ready: 'ENABLED', readyTimeoutInSeconds } : {}) };
  const isEmpty = Object.keys(microvmImageHooks).length === 0 && before.microvmHooks == null;
  if (isEmpty) return undefined;
  return { ...withoutNulls(before), ...(ready ? { port: Number(hookPort) } : {}), microvmImageHooks };
}

function environmentOf(text: string): Record<string, string> {
  const lines = text.split('\n').map((line) => line.trim()).filter((line) => line.includes('='));
  return Object.fromEntries(lines.map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

function withoutNulls<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null && value !== undefined)) as Partial<T>;
}
