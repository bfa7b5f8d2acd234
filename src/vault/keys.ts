/**
 * Keys on disk. `<dataDir>/keys/accounts/<accountId>.json`: the account's key, wrapped with AES-256-GCM by the master
 * key, the account's id bound to it, so that a file under another account's name is refused.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { messageOf, OperatorError } from '../errors/index.js';
import { isMissing, mustBePrivate, writeFileWhole } from '../files/private-files.js';
import { KEY_BYTES } from './fscrypt.js';

const MASTER_BYTES = 32;
const NONCE_BYTES = 12;
const CIPHER = 'aes-256-gcm';

const base64 = z.string().regex(/^[A-Za-z0-9+/]+=*$/);
const wrappedSchema = z.strictObject({ magic: z.literal('tardigrade-account-key'), schema: z.literal(1), nonce: base64, key: base64, tag: base64 });

const FILE_NAME = /^(\d{12})\.json$/;

export function accountKeysDir(dataDir: string): string {
  return join(dataDir, 'keys', 'accounts');
}

export const masterKeyFile = (dataDir: string): string => join(dataDir, 'keys', 'master-key');

/** `make`: when there is none. Throws OperatorError when it is missing, of the wrong size, or others may read it. */
export async function readMasterKey(path: string, make: boolean): Promise<Buffer> {
  if (make) await createOnce(path, randomBytes(MASTER_BYTES));
  let mode: number;
  let key: Buffer;
  try {
    mode = (await stat(path)).mode;
    key = await readFile(path);
  } catch (error) {
    throw new OperatorError(`the master key cannot be read: ${messageOf(error)}. Without it nothing that is encrypted can be used; TARDIGRADE_MASTER_KEY_FILE names its file`);
  }
  mustBePrivate(path, mode, 'is the master key');
  if (key.length !== MASTER_BYTES) throw new OperatorError(`${path}: ${key.length} bytes, a master key has ${MASTER_BYTES}; make one with: (umask 077; head -c ${MASTER_BYTES} /dev/urandom > ${path})`);
  return key;
}

/** Accounts that have a key, in order. */
export async function accountsWithKeys(dataDir: string): Promise<string[]> {
  const names = await readdir(accountKeysDir(dataDir)).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return names.flatMap((name) => FILE_NAME.exec(name)?.[1] ?? []).sort();
}

/** Throws OperatorError when the file is damaged, of another account, or wrapped by another master key. */
export async function readAccountKey(dataDir: string, accountId: string, master: Buffer): Promise<Buffer> {
  const path = fileOf(dataDir, accountId);
  try {
    const { nonce, key, tag } = wrappedSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    const cipher = createDecipheriv(CIPHER, master, Buffer.from(nonce, 'base64')).setAAD(bound(accountId)).setAuthTag(Buffer.from(tag, 'base64'));
    return Buffer.concat([cipher.update(Buffer.from(key, 'base64')), cipher.final()]);
  } catch (error) {
    // Neither values nor the parser's words: it may quote what it read.
    throw new OperatorError(`${path} cannot be unwrapped (${error instanceof Error ? error.name : 'error'}): it is damaged, of another account, or wrapped by another master key than the one given. Give the right master key, or restore the file`);
  }
}

/** Durable before it is answered: what is encrypted with a key that a power cut takes away would be lost. */
export async function makeAccountKey(dataDir: string, accountId: string, master: Buffer): Promise<Buffer> {
  const key = randomBytes(KEY_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, master, nonce).setAAD(bound(accountId));
  const wrapped = Buffer.concat([cipher.update(key), cipher.final()]);
  const content: z.infer<typeof wrappedSchema> = { magic: 'tardigrade-account-key', schema: 1, nonce: nonce.toString('base64'), key: wrapped.toString('base64'), tag: cipher.getAuthTag().toString('base64') };
  await createOnce(fileOf(dataDir, accountId), Buffer.from(`${JSON.stringify(content)}\n`));
  return key;
}

/** Overwrites the wrapped key before its file goes. false: the account has none. */
export async function destroyAccountKey(dataDir: string, accountId: string): Promise<boolean> {
  const path = fileOf(dataDir, accountId);
  let file;
  try {
    file = await open(path, 'r+');
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  try {
    await file.write(randomBytes((await file.stat()).size), 0, undefined, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await rm(path);
  await syncFolder(dirname(path));
  return true;
}

/** No-op when it is there. */
async function createOnce(path: string, content: Buffer): Promise<void> {
  if (await stat(path).then(() => true, () => false)) return;
  await writeFileWhole(path, content);
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function fileOf(dataDir: string, accountId: string): string {
  if (!/^\d{12}$/.test(accountId)) throw new OperatorError(`'${accountId}' is not an account id: 12 digits`);
  return join(accountKeysDir(dataDir), `${accountId}.json`);
}

const bound = (accountId: string): Buffer => Buffer.from(`tardigrade-account-key ${accountId}`);
