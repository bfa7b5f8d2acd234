/**
 * The keys that tokens are encrypted with: `<dataDir>/keys/token-keys.json`, mode 0600, made at first start.
 * Several keys may be listed; `current` encrypts, all decrypt, so that a key can be replaced without ending tokens.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { OperatorError } from '../errors/index.js';
import { readPrivateJson, writeFileWhole } from '../files/private-files.js';

export interface TokenKeys {
  readonly currentKid: string;
  /** By kid; 32 bytes each (AES-256). */
  readonly keys: ReadonlyMap<string, Uint8Array>;
}

const KEY_BYTES = 32;

const fileSchema = z.object({
  current: z.string(),
  keys: z
    .array(z.object({ kid: z.string().min(1), key: z.string().refine((text) => Buffer.from(text, 'base64url').length === KEY_BYTES) }))
    .min(1),
});

/** Throws OperatorError when the file is damaged or others may read it. */
export async function loadOrCreateTokenKeys(dataDir: string): Promise<TokenKeys> {
  const path = join(dataDir, 'keys', 'token-keys.json');
  const file = await readPrivateJson(path);
  if (file !== undefined) return parse(path, file.value);
  const kid = randomUUID();
  const made = { current: kid, keys: [{ kid, key: randomBytes(KEY_BYTES).toString('base64url') }] };
  await writeFileWhole(path, `${JSON.stringify(made, null, 2)}\n`);
  return toKeys(made);
}

function parse(path: string, value: unknown): TokenKeys {
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success || !parsed.data.keys.some((entry) => entry.kid === parsed.data.current)) {
    // The values are secrets: the message names the rule only.
    throw new OperatorError(
      `${path} is damaged: it must hold {"current": <kid>, "keys": [{"kid", "key": 32 bytes in base64url}]} with the current kid listed; ` +
        'restore it, or remove it (every token issued so far then stops working)',
    );
  }
  return toKeys(parsed.data);
}

function toKeys(file: z.infer<typeof fileSchema>): TokenKeys {
  return { currentKid: file.current, keys: new Map(file.keys.map((entry) => [entry.kid, new Uint8Array(Buffer.from(entry.key, 'base64url'))])) };
}
