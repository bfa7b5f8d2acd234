/**
 * The local certificate authority: made at first start in `<dataDir>/keys/` (`ca.pem`, `ca.key` with mode 0600),
 * ECDSA P-256. Clients trust it once, so it lives 10 years and changes only when it is about to end or its files are gone.
 */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError, messageOf } from '../errors/index.js';
import { isMissing, readPrivateFile, writeFileWhole } from '../files/private-files.js';
import { makeAuthority, makeServerCertificate, type KeyPair } from './x509.js';

export interface Authority extends KeyPair {
  /** Where clients find the certificate to trust. */
  readonly file: string;
}

const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
/** Public rules allow 397 days at most; clients (Apple's among them) hold local certificates to it as well. */
const LEAF_DAYS = 396;
/** Before now, for clients whose clock is behind. */
const BACKDATE_MS = 3_600_000;

/** `now` in ms since 1970. Throws OperatorError when the files are damaged, do not fit, or others may read the key. */
export async function loadOrCreateAuthority(dataDir: string, now: number, renewBeforeMs: number): Promise<Authority> {
  const file = join(dataDir, 'keys', 'ca.pem');
  const keyFile = join(dataDir, 'keys', 'ca.key');
  const found = await loadPair(file, keyFile);
  if (found !== undefined && !endsWithin(found.cert, now, renewBeforeMs)) return { file, ...found };
  // The random part of the name keeps authorities of several hosts apart in a client's trust store.
  const made = await makeAuthority(`Tardigrade local CA ${randomBytes(4).toString('hex')}`, { from: now - BACKDATE_MS, to: now + CA_DAYS * DAY_MS });
  await writeFileWhole(keyFile, made.key);
  await writeFileWhole(file, made.cert);
  return { file, ...made };
}

/** Both files, checked against each other; undefined when the certificate or the key is missing. */
export async function loadPair(certFile: string, keyFile: string): Promise<KeyPair | undefined> {
  const key = await readPrivateFile(keyFile);
  const cert = await readIfThere(certFile);
  if (key === undefined || cert === undefined) return undefined;
  checkPair({ cert, key }, certFile, keyFile);
  return { cert, key };
}

/** Throws OperatorError when either is not PEM or the key is not the certificate's. */
export function checkPair(pair: KeyPair, certFile: string, keyFile: string): void {
  let fits: boolean;
  try {
    fits = new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key));
  } catch (error) {
    throw new OperatorError(`${certFile} and ${keyFile} must be a certificate and its unencrypted key in PEM: ${messageOf(error)}`);
  }
  if (!fits) throw new OperatorError(`the key in ${keyFile} is not that of the certificate in ${certFile}: give the two that belong together`);
}

export function endsWithin(certPem: string, now: number, ms: number): boolean {
  return Date.parse(new X509Certificate(certPem).validTo) - now < ms;
}

/** A server certificate for the DNS names, signed by the authority. `now` in ms since 1970. */
export function issueLeaf(authority: KeyPair, names: readonly string[], now: number): Promise<KeyPair> {
  const cert = new X509Certificate(authority.cert);
  const commonName = /^CN=(.*)$/m.exec(cert.subject)?.[1] ?? '';
  const to = Math.min(now + LEAF_DAYS * DAY_MS, Date.parse(cert.validTo));
  return makeServerCertificate({ cert, key: createPrivateKey(authority.key), commonName }, names, { from: now - BACKDATE_MS, to });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
