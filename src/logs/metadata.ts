/** The small JSON files beside the segments: what a folder's name cannot tell. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../files/if-there.js';
import { z } from 'zod';

const groupSchema = z.object({ name: z.string(), createdAt: z.number(), retentionInDays: z.number().optional() });
const streamSchema = z.object({ name: z.string(), createdAt: z.number() });
export type GroupMetadata = z.infer<typeof groupSchema>;
export type StreamMetadata = z.infer<typeof streamSchema>;

/** undefined when the folder is none of a group. */
export async function readGroup(dir: string): Promise<GroupMetadata | undefined> {
  return groupSchema.safeParse(await readJson(join(dir, 'group.json'))).data;
}

export async function readStream(dir: string): Promise<StreamMetadata | undefined> {
  return streamSchema.safeParse(await readJson(join(dir, 'stream.json'))).data;
}

/** Makes the folder at need. */
export function writeGroup(dir: string, metadata: GroupMetadata): Promise<void> {
  return writeJson(dir, 'group.json', metadata);
}

export function writeStream(dir: string, metadata: StreamMetadata): Promise<void> {
  return writeJson(dir, 'stream.json', metadata);
}

/** Whole or not at all: written beside, then renamed over. */
async function writeJson(dir: string, name: string, value: unknown): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const temporary = join(dir, `${name}.${randomUUID()}.tmp`);
  try {
    await writeFile(temporary, JSON.stringify(value), { mode: 0o600 });
    await rename(temporary, join(dir, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await ifThere(readFile(path, 'utf8'));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
