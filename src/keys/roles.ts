/**
 * What execution roles allow on this server: `<dataDir>/roles.json`, role ARN → policies, of its owner alone (mode
 * 0600), read again when it changes. A role that is not there allows nothing.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, OperatorError } from '../errors/index.js';
import type { PolicySet } from '../iam/contracts.js';
import { type KeyRingDeps, policiesOf } from './key-ring.js';
import { readPrivateJson } from '../files/private-files.js';
import { fingerprint, watchFile } from './watched-file.js';

export interface Roles {
  /** Asked at each request, so that a change holds for credentials that are out already. */
  policiesOf(roleArn: string): PolicySet;
  close(): void;
}

/** As the model's RoleArn. */
const roleArn = z.string().regex(/^arn:aws[a-zA-Z-]*:iam::\d{12}:role\/[a-zA-Z0-9+=,.@_/-]+$/, 'must be the ARN of a role, like arn:aws:iam::111122223333:role/app');

// Strict: a misspelt member must not look as if it were in force.
const fileSchema = z.record(roleArn, z.strictObject({ policies: z.array(z.unknown()) }));

export function rolesFile(dataDir: string): string {
  return join(dataDir, 'roles.json');
}

/**
 * Throws OperatorError when the file cannot be used at the start; later such a file leaves what was read before in
 * force and a warning in the log. Without the file no role allows anything.
 */
export async function openRoles(deps: Omit<KeyRingDeps, 'accountId'>): Promise<Roles> {
  const path = rolesFile(deps.dataDir);
  const nothing = deps.readPolicies([]);
  const seen = await fingerprint(path);
  let roles = await load(path, deps);
  const close = watchFile({
    path, seen, clock: deps.clock,
    async changed() {
      roles = await load(path, deps);
      deps.log.info({ roles: roles.size }, 'roles read again');
    },
    failed: (error) => deps.log.warn({ reason: messageOf(error) }, 'roles not read again: the old ones stay in force'),
  });
  return { policiesOf: (arn) => roles.get(arn) ?? nothing, close };
}

async function load(path: string, { readPolicies }: Pick<KeyRingDeps, 'readPolicies'>): Promise<ReadonlyMap<string, PolicySet>> {
  const file = await readPrivateJson(path, 'the rights of roles');
  if (file === undefined) return new Map();
  const parsed = fileSchema.safeParse(file.value);
  if (!parsed.success) {
    const places = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.code === 'invalid_key' ? 'no ARN of a role' : issue.message}`).join('; ');
    throw new OperatorError(`${path} is not a map of role ARNs to { "policies": [ … ] } (${places}); repair it, or remove it and no role allows anything`);
  }
  return new Map(Object.entries(parsed.data).map(([arn, { policies }]) => [arn, policiesOf(`role ${arn} in ${path}`, policies, readPolicies)]));
}
