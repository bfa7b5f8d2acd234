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
import { LruMap } from '../collections/lru-map.js';
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

/** What one connection of a client showed last: the next request on it mostly shows the same token. */
export interface TokenMemo {
  token?: string;
  claims?: TokenClaims;
}

export interface TokenService extends TokenIssuer {
  /**
   * At once when the token is known, else after decrypting it. A memo must belong to one connection: comparing with what
   * that client itself sent before tells it nothing. All other tokens are found by their hash, not compared.
   */
  verify(token: string, memo?: TokenMemo): Verification | Promise<Verification>;
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

  const verificationOf = (claims: TokenClaims): Verification => (claims.expiresAt > deps.clock.now() ? { kind: 'valid', claims } : { kind: 'expired' });

  return {
    issueAppToken: ({ microvmId, allowedPorts, expiresInMinutes }) => issue(microvmId, 'app', () => toPortRanges(allowedPorts), expiresInMinutes),
    issueShellToken: ({ microvmId, expiresInMinutes }) => issue(microvmId, 'shell', () => [], expiresInMinutes),

    verify(token, memo) {
      if (memo?.token === token && memo.claims !== undefined) return verificationOf(memo.claims);
      if (token.length > MAX_TOKEN_LENGTH) return { kind: 'unreadable' };
      const digest = hash('sha256', token, 'base64');
      const accept = (claims: TokenClaims): Verification => {
        if (memo !== undefined) Object.assign(memo, { token, claims });
        return verificationOf(claims);
      };
      const known = remembered.get(digest);
      if (known !== undefined) return accept(known);
      return decrypt(keys, token).then((claims) => {
        if (claims === undefined) return { kind: 'unreadable' };
        remembered.set(digest, claims);
        return accept(claims);
      });
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

/** One text for one token: decoders skip white space and the unused bits of a last character, so that one could be written in several ways. */
function isCanonical(token: string): boolean {
  return token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}

async function decrypt(keys: TokenKeys, token: string): Promise<TokenClaims | undefined> {
  if (!isCanonical(token)) return undefined;
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
