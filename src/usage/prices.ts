/** AWS's prices, and the operator's own in their place. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, OperatorError } from '../errors/index.js';
import type { Prices } from './bill.js';

/** us-east-1, as published (spec §11). Other Regions differ: eu-west-1 by about +5 %, ap-northeast-1 by about +16 %. */
export const AWS_PRICES: Prices = {
  vcpuSecond: 0.0000276944,
  memoryGbSecond: 0.0000036667,
  snapshotReadGb: 0.0015467699,
  snapshotWriteGb: 0.0037977138,
  snapshotStorageGbHour: 0.0001111111,
};

const price = z.number().min(0);
const fileSchema = z.strictObject({
  vcpuSecond: price.optional(),
  memoryGbSecond: price.optional(),
  snapshotReadGb: price.optional(),
  snapshotWriteGb: price.optional(),
  snapshotStorageGbHour: price.optional(),
});

/** Throws OperatorError when the file cannot be read or has a member or value that is not allowed. */
export async function loadPrices(path: string | undefined): Promise<Prices> {
  if (path === undefined) return AWS_PRICES;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new OperatorError(`TARDIGRADE_PRICES_FILE: ${path} cannot be read as JSON (${messageOf(error)})`);
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    const places = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`);
    throw new OperatorError(`TARDIGRADE_PRICES_FILE: ${path} has prices this server does not know or allow (${places.join('; ')})`);
  }
  const { data } = parsed;
  return {
    vcpuSecond: data.vcpuSecond ?? AWS_PRICES.vcpuSecond,
    memoryGbSecond: data.memoryGbSecond ?? AWS_PRICES.memoryGbSecond,
    snapshotReadGb: data.snapshotReadGb ?? AWS_PRICES.snapshotReadGb,
    snapshotWriteGb: data.snapshotWriteGb ?? AWS_PRICES.snapshotWriteGb,
    snapshotStorageGbHour: data.snapshotStorageGbHour ?? AWS_PRICES.snapshotStorageGbHour,
  };
}
