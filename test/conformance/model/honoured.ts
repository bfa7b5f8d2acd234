/** Did a request's member arrive? Looked for in what reached the services and in the answer. */
import * as sdk from '@aws-sdk/client-lambda-microvms';
import { isDeepStrictEqual } from 'node:util';
import { mapKey, type Path } from './requests.js';
import type { Outcome } from './world.js';

/** Names that the services have for members of the wire. */
const inside: Readonly<Record<string, string>> = { imageIdentifier: 'imageArn', microvmIdentifier: 'microvmId', expirationInMinutes: 'expiresInMinutes', maxResults: 'limit' };

/**
 * True when some object among the calls' arguments or in the answer has `value` at `path`, when a call has it as an argument
 * of its own, or when it names a resource and the answer is that this resource does not exist.
 */
export function isHonoured({ calls, output, error }: Outcome, path: Path, value: unknown): boolean {
  if (error instanceof sdk.ResourceNotFoundException && typeof value === 'string' && error.message.includes(value)) return true;
  if (path.length === 1 && calls.flat().some((argument) => isDeepStrictEqual(argument, value))) return true;
  const [first = '', ...rest] = path;
  return [path, [inside[first] ?? first, ...rest]].some((way) => leads(calls, way, value) || leads(output, way, value));
}

function leads(from: unknown, path: Path, value: unknown): boolean {
  if (typeof from !== 'object' || from === null) return false;
  if (isDeepStrictEqual(follow(from, path), value)) return true;
  return Object.values(from).some((inner) => leads(inner, path, value));
}

function follow(from: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, part) => {
    if (typeof at !== 'object' || at === null) return undefined;
    return (at as Record<string, unknown>)[part === '[]' ? '0' : part === '{}' ? mapKey : part];
  }, from);
}
