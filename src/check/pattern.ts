/** The usage pattern: from flags, from a YAML or JSON file, or the default of one user at work. */
import { readFile } from 'node:fs/promises';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { messageOf, OperatorError } from '../errors/index.js';
import type { Pattern } from './types.js';

/** A person at work: 8 hours on 22 days, a request every 10 minutes that takes 10 s, suspended after 1 minute. */
const DEFAULTS: Pattern = {
  users: 1, daysPerMonth: 22, hoursPerDay: 8, requestsPerHour: 6, secondsOfActivity: 10, maxIdleDurationSeconds: 60, suspendedDurationSeconds: 28_800,
};

/** Limits of AWS's idle policy; one request a second is more than a pattern of suspends is about. */
const schema = z.strictObject({
  users: z.number().int().min(1).max(1_000_000),
  daysPerMonth: z.number().int().min(1).max(30),
  hoursPerDay: z.number().min(0.1).max(24),
  requestsPerHour: z.number().min(0.01).max(3600),
  secondsOfActivity: z.number().min(0.01).max(86_400),
  maxIdleDurationSeconds: z.number().int().min(60).max(28_800),
  suspendedDurationSeconds: z.number().int().min(0),
}).partial();
export type PatternInput = z.infer<typeof schema>;

/** `flags` go over the file's members. Throws OperatorError. */
export async function readPattern(file: string | undefined, flags: Readonly<Record<string, number>>): Promise<Pattern> {
  const parts = [...(file === undefined ? [] : [await fromFile(file)]), parse(flags, 'the flags')];
  return Object.assign({}, DEFAULTS, ...parts) as Pattern;
}

async function fromFile(path: string): Promise<PatternInput> {
  let value: unknown;
  try {
    value = parseYaml(await readFile(path, 'utf8')); // JSON is YAML
  } catch (error) {
    throw new OperatorError(`--pattern ${path} cannot be read as YAML or JSON: ${messageOf(error)}`);
  }
  return parse(value, path);
}

function parse(value: unknown, where: string): PatternInput {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'pattern'}: ${issue.message}`);
  throw new OperatorError(`the usage pattern in ${where} is not one (${places.join('; ')}); its members are ${Object.keys(DEFAULTS).join(', ')}`);
}
