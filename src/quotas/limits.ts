/** The limits in force: a profile, with what the operator's file says instead. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, OperatorError } from '../errors/index.js';
import type { Limits } from './contracts.js';
import { awsLimits, unlimited } from './defaults.js';

const count = z.number().int().min(1).nullable();
const rate = z.strictObject({ perSecond: z.number().positive(), burst: z.number().int().min(1) }).nullable();

const fileSchema = z.strictObject({
  rates: z.record(z.string().regex(/^[A-Z][A-Za-z]+$/, 'must be the name of an operation, like RunMicrovm'), rate).optional(),
  readRate: rate.optional(),
  writeRate: rate.optional(),
  images: count.optional(),
  versionsPerImage: count.optional(),
  concurrentBuilds: count.optional(),
  memoryMiB: count.optional(),
  hostMarginMiB: z.number().int().min(0).nullable().optional(),
});

export interface LimitSettings {
  readonly region: string;
  readonly unlimited: boolean;
  /** JSON file with some of the members of {@link Limits}. */
  readonly limitsFile?: string | undefined;
}

/** Throws OperatorError when the file cannot be read or has a member or value that is not allowed. */
export async function loadLimits(settings: LimitSettings): Promise<Limits> {
  const profile = settings.unlimited ? unlimited : awsLimits(settings.region);
  if (settings.limitsFile === undefined) return profile;
  const { rates, ...others } = await readOverrides(settings.limitsFile);
  return { ...profile, ...present(others), rates: { ...profile.rates, ...rates } };
}

async function readOverrides(path: string): Promise<z.output<typeof fileSchema>> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new OperatorError(`TARDIGRADE_LIMITS_FILE: ${path} cannot be read as JSON (${messageOf(error)})`);
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`);
  throw new OperatorError(`TARDIGRADE_LIMITS_FILE: ${path} has limits this server does not know or allow (${places.join('; ')})`);
}

/** Members that are set; null is a value here, undefined is not. */
function present<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
}
