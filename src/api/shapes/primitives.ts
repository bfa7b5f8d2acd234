/** Building blocks of input schemas; their messages are AWS's constraint texts. */
import { z } from 'zod';

interface TextRule {
  /** Unicode characters, not UTF-16 units. */
  readonly min?: number;
  readonly max?: number;
  /** Whole string. */
  readonly pattern?: string;
}

/** Length and pattern are both reported when both fail, as AWS does. */
export function text({ min, max, pattern }: TextRule) {
  const regex = pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`, 'u');
  return z.string().superRefine((value, context) => {
    const length = Array.from(value).length;
    if (max !== undefined && length > max) fail(context, `Member must have length less than or equal to ${max}`);
    if (min !== undefined && length < min) fail(context, `Member must have length greater than or equal to ${min}`);
    if (regex && !regex.test(value)) fail(context, `Member must satisfy regular expression pattern: ${pattern ?? ''}`);
  });
}

export function integer({ min, max }: { readonly min?: number; readonly max?: number } = {}) {
  return z.int().superRefine((value, context) => {
    if (max !== undefined && value > max) fail(context, `Member must have value less than or equal to ${max}`);
    if (min !== undefined && value < min) fail(context, `Member must have value greater than or equal to ${min}`);
  });
}

/** As integer, for query parameters. */
export function queryInteger(rule: { readonly min?: number; readonly max?: number }) {
  return z.preprocess((value) => (typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value), integer(rule));
}

export function list<T extends z.ZodType>(member: T, { min, max }: { readonly min?: number; readonly max?: number } = {}) {
  return z.array(member).superRefine((value, context) => {
    if (max !== undefined && value.length > max) fail(context, `Member must have length less than or equal to ${max}`);
    if (min !== undefined && value.length < min) fail(context, `Member must have length greater than or equal to ${min}`);
  });
}

/** A map of strings. Keys' failures are reported at the map, values' at `map.key`; values themselves may be secret. */
export function textMap(key: TextRule, value: TextRule, { min, max }: { readonly min?: number; readonly max?: number } = {}) {
  const keyShape = text(key);
  return z.record(z.string(), text(value)).superRefine((map, context) => {
    const keys = Object.keys(map);
    if (max !== undefined && keys.length > max) fail(context, `Member must have length less than or equal to ${max}`);
    if (min !== undefined && keys.length < min) fail(context, `Member must have length greater than or equal to ${min}`);
    const rules = new Set(keys.flatMap((name) => keyShape.safeParse(name).error?.issues.map((issue) => issue.message) ?? []));
    if (rules.size > 0) fail(context, `Map keys must satisfy constraint: [${[...rules].join(', ')}]`);
  });
}

/** A structure of which exactly one member is set. Unknown: union-text */
export function union<T extends z.ZodRawShape>(members: T) {
  const names = Object.keys(members);
  return z.object(members).partial().superRefine((value, context) => {
    const set = names.filter((name) => (value as Record<string, unknown>)[name] !== undefined);
    if (set.length !== 1) fail(context, `Member must have exactly one of the members: [${names.join(', ')}]`);
  });
}

/** A time in the query, as times are in answers; fractions of a second too. */
export const epochSeconds = text({ pattern: '[0-9]{1,11}(\\.[0-9]{1,9})?' }).transform(Number);

export const nonBlank = text({ min: 1, max: 2048, pattern: '[^\\s]+' });
export const identifier = text({ min: 1, max: 256 });
export const clientToken = text({ min: 1, max: 128 });
export const roleArn = text({ min: 20, max: 2048, pattern: 'arn:aws[a-z\\-]*:iam::[0-9]{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+' });
export const connector = text({ min: 1, max: 2048 });
export const portNumber = integer({ min: 1, max: 65535 });

/** maxResults and nextToken of the List operations; the page size when none is asked for is the largest. Unknown: default-page-size */
export const pageQuery = {
  maxResults: queryInteger({ min: 1, max: 50 }).default(50),
  nextToken: z.string().optional(),
};

function fail(context: z.RefinementCtx, message: string): void {
  context.addIssue({ code: 'custom', message });
}
