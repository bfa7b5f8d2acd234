/**
 * The access keys that requests are signed with: made at first start, kept in `<dataDir>/credentials.json`,
 * readable by the owner alone (mode 0600), a JSON list of {@link Credentials}.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { OperatorError } from '../errors/index.js';
import { readPrivateJson } from '../files/private-files.js';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** 12 digits; absent = the server's own account. */
  readonly accountId?: string | undefined;
  /** Then every request must carry it as X-Amz-Security-Token. */
  readonly sessionToken?: string | undefined;
  /** IAM policy documents; absent = everything in the account is allowed, as for an account's root user. */
  readonly policies?: readonly unknown[] | undefined;
}

const fileSchema = z
  .array(
    // Strict: a misspelt `policies` must not make a key that may do everything.
    z.strictObject({
      accessKeyId: z.string().regex(/^[A-Za-z0-9]{16,128}$/),
      secretAccessKey: z.string().min(16),
      accountId: z.string().regex(/^\d{12}$/).optional(),
      sessionToken: z.string().min(1).max(4096).optional(),
      policies: z.array(z.unknown()).optional(),
    }),
  )
  .min(1)
  .refine((keys) => new Set(keys.map((key) => key.accessKeyId)).size === keys.length, 'an accessKeyId occurs twice');

export function credentialsFile(dataDir: string): string {
  return join(dataDir, 'credentials.json');
}

/** Throws OperatorError when the file is damaged or others may read it. */
export async function loadOrCreateCredentials(dataDir: string): Promise<Credentials[]> {
  const path = credentialsFile(dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  return (await load(path)) ?? (await create(path));
}

/** undefined: there is no such file. Throws as {@link loadOrCreateCredentials}. */
export async function load(path: string): Promise<Credentials[] | undefined> {
  const file = await readPrivateJson(path, 'secret keys');
  if (file === undefined) return undefined;
  const parsed = fileSchema.safeParse(file.value);
  if (!parsed.success) {
    // The values are secrets: the message names places and rules only.
    const places = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.code}`).join('; ');
    throw new OperatorError(`${path} is not a list of access keys (${places}); repair it, or remove it and new keys are made`);
  }
  return parsed.data;
}

/** Under a temporary name first, so that a crash never leaves half a file; `link` lets the first of two starts win. */
async function create(path: string): Promise<Credentials[]> {
  const made = [{ accessKeyId: newAccessKeyId(), secretAccessKey: randomBytes(30).toString('base64') }];
  const temporary = `${path}.${randomBytes(8).toString('hex')}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(made, null, 2)}\n`);
    await file.sync();
    await link(temporary, path);
    return made;
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    return (await load(path)) ?? made;
  } finally {
    await file.close();
    await unlink(temporary);
  }
}

/** 20 characters as AWS's, with a prefix of our own so that nobody takes it for an AWS key. */
function newAccessKeyId(): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return `TDGK${Array.from(randomBytes(16), (byte) => alphabet.charAt(byte % alphabet.length)).join('')}`;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
