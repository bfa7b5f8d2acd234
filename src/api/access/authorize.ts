/** Asks the caller's policies, for every operation alike, before the operation runs. */
import { AccessDeniedError } from '../../errors/index.js';
import type { ConditionContext, Decision, PolicySet } from '../../iam/contracts.js';
import type { AccessKey } from '../../keys/key-ring.js';
import { factsOf, inputOf, type FactSources } from './facts.js';
import { accessRules, type AccessCheck } from './rules.js';

export interface Caller {
  readonly key: AccessKey;
  /** Address of the connection's other end. */
  readonly sourceIp: string | undefined;
}

/** Throws AccessDeniedError. `parsed` is the operation's input. */
export type Authorize = (caller: Caller, operation: string, parsed: unknown) => void;

export function createAuthorize(sources: FactSources): Authorize {
  return ({ key, sourceIp }, operation, parsed) => {
    if (key.policies === undefined) return;
    const action = `lambda:${operation}`;
    const rule = accessRules[operation];
    const checks = rule?.(inputOf(parsed), factsOf(sources, key), action) ?? [{ action, resources: [] }];
    for (const check of checks) {
      const decision = decide(key.policies, check, sourceIp);
      if (decision !== 'allow') throw new AccessDeniedError(denial(key, check.action, check.resources[0] ?? '*', decision));
    }
  };
}

/** AWS's text. */
export function denial(key: Pick<AccessKey, 'accountId' | 'accessKeyId' | 'principalArn'>, action: string, resource: string, decision: Decision): string {
  const because = decision === 'explicit-deny' ? 'with an explicit deny in an identity-based policy' : `because no identity-based policy allows the ${action} action`;
  return `User: ${key.principalArn ?? `arn:aws:iam::${key.accountId}:user/${key.accessKeyId}`} is not authorized to perform: ${action} on resource: ${resource} ${because}`;
}

/** Condition keys every request has. The API's listener is plain HTTP, so SecureTransport is never true. */
export function commonContext(sourceIp: string | undefined): ConditionContext {
  return {
    // An IPv4 client on a dual-stack listener shows as ::ffff:a.b.c.d.
    'aws:SourceIp': sourceIp === undefined ? undefined : [sourceIp.replace(/^::ffff:(?=\d+\.)/, '')],
    'aws:SecureTransport': ['false'],
  };
}

function decide(policies: PolicySet, check: AccessCheck, sourceIp: string | undefined): Decision {
  const context = contextOf(check, sourceIp);
  const decisions = check.resources.map((resource) => policies.decide({ action: check.action, resource, context }));
  if (decisions.includes('explicit-deny')) return 'explicit-deny';
  return decisions.includes('allow') ? 'allow' : 'implicit-deny';
}

function contextOf({ resourceTags = {}, requestTags = {}, tagKeys, passedTo }: AccessCheck, sourceIp: string | undefined): ConditionContext {
  const keys = tagKeys ?? Object.keys(requestTags);
  return {
    ...commonContext(sourceIp),
    ...prefixed('aws:ResourceTag/', resourceTags),
    ...prefixed('aws:RequestTag/', requestTags),
    'aws:TagKeys': keys.length > 0 ? keys : undefined,
    'iam:PassedToService': passedTo === undefined ? undefined : [passedTo],
  };
}

function prefixed(prefix: string, tags: Readonly<Record<string, string>>): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`${prefix}${key}`, [value]]));
}
