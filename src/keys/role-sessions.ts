/**
 * Credentials of execution roles that this server accepts itself. Nothing of them is stored: the session token holds,
 * encrypted with a key of the data folder, whose they are and until when, and key id and secret follow from it. A
 * restart loses none, and the same MicroVM, role and time give the same ones.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { PolicySet } from '../iam/contracts.js';
import type { AccessKey, FindKey } from './key-ring.js';

export interface RoleSession {
  readonly microvmId: string;
  readonly accountId: string;
  readonly roleArn: string;
  /** ms since 1970 */
  readonly expiresAt: number;
}

export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

export interface RoleSessions {
  issue(session: RoleSession): SessionCredentials;
  /** Whoever checks the signature minds {@link AccessKey.expiresAt}. */
  readonly find: FindKey;
}

export interface RoleSessionsDeps {
  /** 32 bytes, the same after a restart. */
  readonly secret: Buffer;
  readonly policiesOf: (roleArn: string) => PolicySet;
  /** Does that MicroVM still exist, of that account and with that role? */
  readonly holds: (session: RoleSession) => boolean;
}

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Characters; what is longer is not worth decrypting. Ours have a few hundred. */
const MAX_TOKEN = 4096;
/** As AWS's secrets. */
const SECRET_LENGTH = 40;
const KEY_ID = /^TDGS[A-Z2-7]{16}$/;

const claims = z.tuple([z.string().regex(KEY_ID), z.string(), z.string(), z.string(), z.number()]);

export function createRoleSessions({ secret, policiesOf, holds }: RoleSessionsDeps): RoleSessions {
  const derive = (use: string): Buffer => Buffer.from(hkdfSync('sha256', secret, '', `tardigrade role session ${use}`, 32));
  const keys = { id: derive('key id'), token: derive('token'), iv: derive('iv'), secret: derive('secret') };

  function seal(plain: Buffer): string {
    // From the plain text, so that the same session has one token; two different ones share no IV but by an accident of 2^-96.
    const iv = hmac(keys.iv, plain).subarray(0, IV_BYTES);
    const cipher = createCipheriv(CIPHER, keys.token, iv);
    return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64');
  }

  /** undefined: it was not made with our key. */
  function unseal(token: string): Buffer | undefined {
    const bytes = Buffer.from(token, 'base64');
    // One spelling only: base64 as Node reads it has many.
    if (bytes.length <= IV_BYTES + TAG_BYTES || bytes.toString('base64') !== token) return undefined;
    const decipher = createDecipheriv(CIPHER, keys.token, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
    try {
      return Buffer.concat([plain, decipher.final()]);
    } catch {
      return undefined; // the tag differs: node has no error of its own for that
    }
  }

  const secretOf = (token: string): string => hmac(keys.secret, token).toString('base64').slice(0, SECRET_LENGTH);

  return {
    issue({ microvmId, accountId, roleArn, expiresAt }) {
      const accessKeyId = `TDGS${base32(hmac(keys.id, JSON.stringify([accountId, roleArn, microvmId, expiresAt])).subarray(0, 10))}`;
      const sessionToken = seal(Buffer.from(JSON.stringify([accessKeyId, accountId, roleArn, microvmId, expiresAt] satisfies z.infer<typeof claims>)));
      return { accessKeyId, secretAccessKey: secretOf(sessionToken), sessionToken };
    },
    find(accessKeyId, sessionToken): AccessKey | undefined {
      if (!KEY_ID.test(accessKeyId) || sessionToken === undefined || sessionToken.length > MAX_TOKEN) return undefined;
      const plain = unseal(sessionToken);
      if (plain === undefined) return undefined;
      const [id, accountId, roleArn, microvmId, expiresAt] = claims.parse(JSON.parse(plain.toString('utf8')));
      if (!timingSafeEqual(Buffer.from(id), Buffer.from(accessKeyId))) return undefined;
      if (!holds({ microvmId, accountId, roleArn, expiresAt })) return undefined;
      return {
        accessKeyId, accountId, sessionToken, expiresAt,
        secretAccessKey: secretOf(sessionToken),
        policies: policiesOf(roleArn),
        principalArn: assumedRoleArn(roleArn, microvmId),
      };
    },
  };
}

/** As STS names who took a role: without the role's path. */
export function assumedRoleArn(roleArn: string, sessionName: string): string {
  const [, partition = 'aws', , , accountId = '', resource = ''] = roleArn.split(':');
  return `arn:${partition}:sts::${accountId}:assumed-role/${resource.slice(resource.lastIndexOf('/') + 1)}/${sessionName}`;
}

function hmac(key: Buffer, data: string | Buffer): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** 10 bytes are 16 characters. */
function base32(bytes: Buffer): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = BigInt(`0x${bytes.toString('hex')}`);
  const length = (bytes.length * 8) / 5;
  return Array.from({ length }, (_, i) => alphabet.charAt(Number((bits >> BigInt(5 * (length - 1 - i))) & 31n))).join('');
}
