/**
 * Session tokens of IMDSv2. A token holds its end, encrypted, and is bound to one MicroVM: nothing is kept for it, so
 * that a guest that asks for millions costs no memory, and it outlives a restart of the daemon and a suspend.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** Seconds. */
export const MIN_TTL = 1;
export const MAX_TTL = 21_600;

export interface SessionTokens {
  /** 48 characters. `ttlSeconds`: {@link MIN_TTL} to {@link MAX_TTL}. */
  issue(microvmId: string, ttlSeconds: number): string;
  isValid(microvmId: string, token: string): boolean;
}

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const END_BYTES = 8;
const TAG_BYTES = 16;
/** 36 bytes: without padding. */
const TOKEN = /^[A-Za-z0-9+/]{48}$/;

/** `secret`: 32 bytes, the same after a restart. `steady`: as Clock.steady, so that setting the clock prolongs no token. */
export function createSessionTokens(secret: Buffer, steady: () => number): SessionTokens {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'tardigrade metadata token', 32));
  return {
    issue(microvmId, ttlSeconds) {
      const end = Buffer.alloc(END_BYTES);
      end.writeBigUInt64BE(BigInt(steady() + ttlSeconds * 1000));
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, key, iv);
      cipher.setAAD(Buffer.from(microvmId));
      return Buffer.concat([iv, cipher.update(end), cipher.final(), cipher.getAuthTag()]).toString('base64');
    },
    isValid(microvmId, token) {
      if (!TOKEN.test(token)) return false;
      const bytes = Buffer.from(token, 'base64');
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(microvmId));
      decipher.setAuthTag(bytes.subarray(IV_BYTES + END_BYTES));
      const end = decipher.update(bytes.subarray(IV_BYTES, IV_BYTES + END_BYTES));
      try {
        decipher.final();
      } catch {
        return false; // the tag differs: node has no error of its own for that
      }
      return steady() < Number(end.readBigUInt64BE());
    },
  };
}
