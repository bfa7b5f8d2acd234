/**
 * The Condition element: every operator and every key of it must hold; of several values one suffices (for a negated
 * operator: none may match). https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
import { addressTest } from './address.js';
import { PolicyError, type ConditionContext } from './contracts.js';
import { matchesArn, matchesWildcard } from './wildcard.js';

/** Values of the request by lower-case key. */
export type Values = ReadonlyMap<string, readonly string[]>;
export type Condition = (values: Values) => boolean;

/** Makes the test for one value of the policy. Throws PolicyError for a value the operator cannot take. */
type Operator = (wanted: string) => (given: string) => boolean;

const stringEquals: Operator = (wanted) => (given) => wanted === given;
const ignoreCase: Operator = (wanted) => (given) => wanted.toLowerCase() === given.toLowerCase();
const stringLike: Operator = (wanted) => (given) => matchesWildcard(wanted, given);
const arnLike: Operator = (wanted) => (given) => matchesArn(wanted, given);

function bool(wanted: string): (given: string) => boolean {
  const text = wanted.toLowerCase();
  if (text !== 'true' && text !== 'false') throw new PolicyError(`Bool compares with "true" or "false", not with '${wanted}'`);
  return (given) => given.toLowerCase() === text;
}

const is = (test: Operator) => ({ test, negated: false });
const isNot = (test: Operator) => ({ test, negated: true });

/** ArnEquals is ArnLike, as in IAM. */
const operators: ReadonlyMap<string, { readonly test: Operator; readonly negated: boolean }> = new Map([
  ['StringEquals', is(stringEquals)],
  ['StringNotEquals', isNot(stringEquals)],
  ['StringEqualsIgnoreCase', is(ignoreCase)],
  ['StringNotEqualsIgnoreCase', isNot(ignoreCase)],
  ['StringLike', is(stringLike)],
  ['StringNotLike', isNot(stringLike)],
  ['ArnLike', is(arnLike)],
  ['ArnNotLike', isNot(arnLike)],
  ['ArnEquals', is(arnLike)],
  ['ArnNotEquals', isNot(arnLike)],
  ['IpAddress', is(addressTest)],
  ['NotIpAddress', isNot(addressTest)],
  ['Bool', is(bool)],
]);

/** Keys this server gives a value; a policy with another would silently never (or always) apply. Lower case. */
const knownKeys: readonly string[] = ['aws:sourceip', 'aws:tagkeys', 'iam:passedtoservice', 'aws:securetransport'];
const knownKeyPrefixes: readonly string[] = ['aws:requesttag/', 'aws:resourcetag/'];

/** `block` is the Condition element: operator → key → value or values. */
export function readCondition(block: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>): Condition {
  const tests = Object.entries(block).flatMap(([operator, keys]) => Object.entries(keys).map(([key, wanted]) => readTest(operator, key, wanted)));
  return (values) => tests.every((test) => test(values));
}

export function contextValues(context: ConditionContext): Values {
  return new Map(Object.entries(context).flatMap(([key, given]) => (given === undefined ? [] : [[key.toLowerCase(), given] as const])));
}

function readTest(operator: string, key: string, wanted: readonly string[]): Condition {
  const name = key.toLowerCase();
  if (!knownKeys.includes(name) && !knownKeyPrefixes.some((prefix) => name.startsWith(prefix))) {
    throw new PolicyError(`the condition key '${key}' is not known to this server: it has aws:SourceIp, aws:SecureTransport, aws:TagKeys, aws:RequestTag/<key>, aws:ResourceTag/<key> and iam:PassedToService`);
  }
  if (operator === 'Null') {
    const absent = wanted.map((text) => bool(text)('true'));
    return (values) => absent.includes(!values.has(name));
  }
  const [, quantifier, base = '', ifExists] = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/.exec(operator) ?? [];
  const known = operators.get(base);
  if (known === undefined) {
    throw new PolicyError(`the condition operator '${operator}' is not known to this server: it has ${[...operators.keys(), 'Null'].join(', ')}`);
  }
  const tests = wanted.map(known.test);
  const holds = (given: string): boolean => tests.some((test) => test(given)) !== known.negated;
  return (values) => {
    const given = values.get(name) ?? [];
    if (quantifier === 'ForAllValues') return given.every(holds); // true of none, as in IAM
    if (given.length === 0) return ifExists !== undefined || (known.negated && quantifier === undefined);
    return known.negated && quantifier === undefined ? given.every(holds) : given.some(holds);
  };
}
