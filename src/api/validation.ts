/**
 * Turns what a schema found into AWS's two answers to bad input: a value of the wrong JSON type cannot be read at all
 * (SerializationException), a value outside its constraint is reported with all others in one ValidationException.
 */
import type { z } from 'zod';
import { RequestError, ValidationError } from '../errors/index.js';

/** The body cannot be read as the operation's input: AWS `SerializationException` (400). Unknown: wrong-json-type */
export class SerializationError extends RequestError {}

/** A constraint of the service model is broken; the message is AWS's (spec §2.0). */
export class ConstraintError extends ValidationError {}

/** Deeper JSON than any input of this API has; keeps the recursion below bounded. */
const maxDepth = 32;

/** Throws SerializationError or ValidationError. */
export function parseInput<S extends z.ZodType>(schema: S, raw: unknown): z.output<S> {
  const parsed = schema.safeParse(dropNulls(raw, 0), { reportInput: true });
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  for (const issue of issues) {
    const expected = expectedType(issue);
    if (expected === undefined || issue.input === undefined) continue;
    throw new SerializationError(`${jsonType(issue.input)} can not be converted to ${target(expected)} at '${memberPath(issue.path)}'`);
  }
  throw constraintError(issues.map((issue) => ({ member: memberPath(issue.path), rule: rule(issue) })));
}

/** `1 validation error detected: Value at 'name' failed to satisfy constraint: Member must ...` (spec §2.0). */
export function constraintError(failures: readonly { readonly member: string; readonly rule: string }[]): ConstraintError {
  const texts = failures.map(({ member, rule: text }) => `Value at '${member}' failed to satisfy constraint: ${text}`);
  const count = texts.length === 1 ? '1 validation error' : `${texts.length} validation errors`;
  return new ConstraintError(`${count} detected: ${texts.join('; ')}`, failures[0]?.member);
}

/** Of a value whose JSON type is wrong; enums are strings. */
function expectedType(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code === 'invalid_type') return issue.expected;
  return issue.code === 'invalid_value' && typeof issue.input !== 'string' ? 'string' : undefined;
}

function rule(issue: z.core.$ZodIssue): string {
  if (expectedType(issue) !== undefined) return 'Member must not be null';
  if (issue.code === 'invalid_value') return `Member must satisfy enum value set: [${issue.values.join(', ')}]`;
  return issue.message; // the shapes state their rules in AWS's words
}

/** Lists count from 1 and say `member`, as AWS's do: `allowedPorts.1.member.port`. Unknown: member-path */
function memberPath(path: readonly PropertyKey[]): string {
  return path.map((part) => (typeof part === 'number' ? `${part + 1}.member` : String(part))).join('.');
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'START_ARRAY';
  if (typeof value === 'string') return 'STRING_VALUE';
  if (typeof value === 'boolean') return value ? 'TRUE_VALUE' : 'FALSE_VALUE';
  if (typeof value === 'number') return Number.isInteger(value) ? 'NUMBER_VALUE' : 'DECIMAL_VALUE';
  return 'START_OBJECT';
}

function target(expected: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'a String', number: 'an Integer', int: 'an Integer', boolean: 'a Boolean', array: 'a List', record: 'a Map', object: 'a Structure',
  };
  return names[expected] ?? expected;
}

/** A null member is an absent one, on AWS as in most JSON clients. */
function dropNulls(value: unknown, depth: number): unknown {
  if (depth > maxDepth) throw new SerializationError(`the body nests deeper than ${maxDepth} levels`);
  if (Array.isArray(value)) return value.map((item) => dropNulls(item, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([name, member]) => [name, dropNulls(member, depth + 1)]),
  );
}
