/**
 * IAM policies: who may do what to which resource. Syntax and rules:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */

/** What a request is about, besides who sends it: condition key (any case) → values. An absent key has no value. */
export type ConditionContext = Readonly<Record<string, readonly string[] | undefined>>;

export interface AccessQuestion {
  /** e.g. `lambda:RunMicrovm` */
  readonly action: string;
  /** ARN, or `*` for an action that is about no single resource. */
  readonly resource: string;
  readonly context: ConditionContext;
}

/** An explicit deny wins over every allow; without an allow the answer is an implicit deny. */
export type Decision = 'allow' | 'explicit-deny' | 'implicit-deny';

/** The policies of one key, read once and asked often. */
export interface PolicySet {
  decide(question: AccessQuestion): Decision;
}

/** Makes {@link PolicySet}s from policy documents as parsed from JSON. Throws {@link PolicyError}. */
export type ReadPolicies = (documents: readonly unknown[]) => PolicySet;

/** A policy that cannot be read, or that says what this server does not enforce: it is refused whole, never in part. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}
