/**
 * Sessions of the console: a cookie that holds, encrypted, whose key signed in and until when. The key it is encrypted
 * with lives as long as the daemon and in its memory alone, as does the list of sessions that were ended early: so
 * neither a copied cookie nor a copied data folder brings back what has ended.
 */
import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { EncryptJWT, errors, jwtDecrypt } from 'jose';
import { z } from 'zod';
import type { AccessKey, FindKey } from '../keys/key-ring.js';

export interface Session {
  readonly id: string;
  /** As it is now: its policies may have changed since the login. */
  readonly key: AccessKey;
  /** ms since 1970 */
  readonly expiresAt: number;
  /** What every request but a GET must carry, to show that a page of ours sent it. */
  readonly csrfToken: string;
}

export interface Sessions {
  open(key: AccessKey): Promise<{ readonly session: Session; readonly sealed: string }>;
  /** undefined: never ours, expired, ended, or its access key is no longer in force. */
  find(sealed: string): Promise<Session | undefined>;
  /** As {@link find}, for one that was found before: what lasts longer than a request asks again. */
  holds(session: Session): boolean;
  /** Idempotent. */
  end(session: Session): void;
}

export interface SessionsDeps {
  readonly findKey: FindKey;
  /** ms since 1970 */
  readonly now: () => number;
  /** ms a session lasts; default 8 h */
  readonly lifetimeMs?: number;
}

const LIFETIME_MS = 8 * 3600_000;
/** Browsers keep 4096 bytes of a cookie. */
const MAX_SEALED = 4000;

const claimsSchema = z.object({ sub: z.string(), jti: z.string(), exp: z.number(), secret: z.string(), token: z.string().optional() });

export function createSessions({ findKey, now, lifetimeMs = LIFETIME_MS }: SessionsDeps): Sessions {
  const sealing = randomBytes(32);
  const marking = randomBytes(32);
  const mark = (use: string, text: string): string => createHmac('sha256', marking).update(`${use}\0${text}`).digest('base64url');
  /** By id: until when their cookies would have been good. */
  const ended = new Map<string, number>();

  /** A key whose secret was replaced is another key. */
  const sameKey = (key: AccessKey | undefined, secretMark: string): key is AccessKey =>
    key !== undefined && timingSafeEqual(Buffer.from(mark('secret', key.secretAccessKey)), Buffer.from(secretMark)) && now() < (key.expiresAt ?? Infinity);

  const sessionOf = (id: string, key: AccessKey, expiresAt: number): Session => ({ id, key, expiresAt, csrfToken: mark('csrf', id) });

  return {
    async open(key) {
      // Whole seconds, as the token has them.
      const expiresAt = Math.floor(Math.min(now() + lifetimeMs, key.expiresAt ?? Infinity) / 1000) * 1000;
      const id = randomUUID();
      const claims = { secret: mark('secret', key.secretAccessKey), ...(key.sessionToken === undefined ? {} : { token: key.sessionToken }) };
      const sealed = await new EncryptJWT(claims)
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .setSubject(key.accessKeyId).setJti(id).setExpirationTime(expiresAt / 1000)
        .encrypt(sealing);
      return { session: sessionOf(id, key, expiresAt), sealed };
    },

    async find(sealed) {
      if (sealed.length > MAX_SEALED) return undefined;
      const claims = await unseal(sealed, sealing, now());
      if (claims === undefined || ended.has(claims.jti)) return undefined;
      const key = findKey(claims.sub, claims.token);
      return sameKey(key, claims.secret) ? sessionOf(claims.jti, key, claims.exp * 1000) : undefined;
    },

    holds({ id, key, expiresAt }) {
      const current = findKey(key.accessKeyId, key.sessionToken);
      return now() < expiresAt && !ended.has(id) && sameKey(current, mark('secret', key.secretAccessKey));
    },

    end({ id, expiresAt }) {
      for (const [other, until] of ended) if (until <= now()) ended.delete(other);
      ended.set(id, expiresAt);
    },
  };
}

async function unseal(sealed: string, key: Uint8Array, now: number): Promise<z.infer<typeof claimsSchema> | undefined> {
  try {
    const { payload } = await jwtDecrypt(sealed, key, { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'], currentDate: new Date(now) });
    return claimsSchema.safeParse(payload).data;
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}
