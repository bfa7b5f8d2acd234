/**
 * Tokens of the endpoint (spec §5.4): compact JWE, opaque to clients, bound to one MicroVM, ports and an expiry.
 * A token never appears in a log or an error message.
 */
import { hash } from 'node:crypto';
import { CompactEncrypt, compactDecrypt, errors } from 'jose';
import { z } from 'zod';
import type { TokenIssuer } from '../api/contracts.js';
import type { Clock } from '../clock/index.js';
import { Fault } from '../errors/index.js';
import { LruMap } from './lru-map.js';
import { toPortRanges, type PortRange } from './ports.js';
import { loadOrCreateTokenKeys, type TokenKeys } from './token-keys.js';

/** Unknown: endpoint-claims (encrypted, so no client sees them). */
export interface TokenClaims {
  readonly microvmId: string;
  /** A shell token lets into the shell and nowhere else. */
  readonly kind: 'app' | 'shell';
  /** None for a shell token. */
  readonly ports: readonly PortRange[];
  readonly issuedAt: number; // ms since 1970
  readonly expiresAt: number; // ms since 1970
}

export type Verification =
  | { readonly kind: 'valid'; readonly claims: TokenClaims }
  /** Ours, but its time is over. */
  | { readonly kind: 'expired' }
  /** Not a token of ours: garbage, forged, altered, or of a key that is gone. */
  | { readonly kind: 'unreadable' };

export interface TokenService extends TokenIssuer {
  verify(token: string): Promise<Verification>;
}

export interface TokenServiceDeps {
  readonly dataDir: string;
  readonly clock: Pick<Clock, 'now'>;
}

/** AWS's tokens have 750–900 characters; longer than this is not decrypted at all. */
const MAX_TOKEN_LENGTH = 8000;
/** Verified tokens remembered, so that a request costs a hash and not a decryption. About 1 KB each. */
const REMEMBERED_TOKENS = 4096;
const MAX_MINUTES = 60;

const port = z.number().int().min(1).max(65535);
const claimsSchema = z.object({
  microvmId: z.string().min(1),
  kind: z.enum(['app', 'shell']),
  ports: z.array(z.object({ from: port, to: port })),
  issuedAt: z.number(),
  expiresAt: z.number(),
});

/** Reads the key file or makes it; throws OperatorError when it is damaged. */
export async function createTokenService(deps: TokenServiceDeps): Promise<TokenService> {
  const keys = await loadOrCreateTokenKeys(deps.dataDir);
  const remembered = new LruMap<string, TokenClaims>(REMEMBERED_TOKENS);

  async function issue(microvmId: string, kind: TokenClaims['kind'], ports: () => readonly PortRange[], expiresInMinutes: number): Promise<string> {
    if (!Number.isInteger(expiresInMinutes) || expiresInMinutes < 1 || expiresInMinutes > MAX_MINUTES) {
      throw new Fault(`token lifetime of ${expiresInMinutes} minutes: the caller must have checked that it is a whole number from 1 to ${MAX_MINUTES}`);
    }
    const issuedAt = deps.clock.now();
    return encrypt(keys, { microvmId, kind, ports: ports(), issuedAt, expiresAt: issuedAt + expiresInMinutes * 60_000 });
  }

  return {
    issueAppToken: ({ microvmId, allowedPorts, expiresInMinutes }) => issue(microvmId, 'app', () => toPortRanges(allowedPorts), expiresInMinutes),
    issueShellToken: ({ microvmId, expiresInMinutes }) => issue(microvmId, 'shell', () => [], expiresInMinutes),

    async verify(token) {
      if (token.length > MAX_TOKEN_LENGTH) return { kind: 'unreadable' };
      const digest = hash('sha256', token, 'base64');
      let claims = remembered.get(digest);
      if (claims === undefined) {
        claims = await decrypt(keys, token);
        if (claims === undefined) return { kind: 'unreadable' };
        remembered.set(digest, claims);
      }
      if (claims.expiresAt > deps.clock.now()) return { kind: 'valid', claims };
      remembered.delete(digest);
      return { kind: 'expired' };
    },
  };
}

async function encrypt(keys: TokenKeys, claims: TokenClaims): Promise<string> {
  const key = keys.keys.get(keys.currentKid);
  if (key === undefined) throw new Fault('the current token key is not among the keys');
  return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ kid: keys.currentKid, alg: 'dir', enc: 'A256GCM' })
    .encrypt(key);
}

async function decrypt(keys: TokenKeys, token: string): Promise<TokenClaims | undefined> {
  try {
    const { plaintext } = await compactDecrypt(
      token,
      ({ kid }) => {
        const key = kid === undefined ? undefined : keys.keys.get(kid);
        if (key === undefined) throw new errors.JWEDecryptionFailed();
        return key;
      },
      { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] },
    );
    const parsed = claimsSchema.safeParse(JSON.parse(new TextDecoder().decode(plaintext)));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
