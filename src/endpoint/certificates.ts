/**
 * The endpoint's certificate: from the local authority, or the operator's own PEM files.
 *
 *   local: `<dataDir>/keys/endpoint.pem` and `endpoint.key`, at most 397 days, renewed when less than 30 days are left
 *   own:   read again when either file changes, so that an ACME client can renew them under a running service
 */
import { readFile, stat } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import type { Config } from '../config/config.js';
import { OperatorError, messageOf } from '../errors/index.js';
import { checkPair, endsWithin, issueLeaf, loadOrCreateAuthority, loadPair } from './authority.js';
import { writeFileWhole } from '../files/private-files.js';
import type { KeyPair } from './x509.js';

export interface Certificates {
  /** The authority clients must trust, PEM; undefined with the operator's own certificate. */
  readonly caFile: string | undefined;
  current(): KeyPair;
  /** Called after each change of {@link current}. Returns how to stop. */
  onChange(listener: () => void): () => void;
  /** Looks now instead of at the next interval. Keeps the certificate it has when the new one is bad, and logs why. */
  refresh(): Promise<void>;
  /** Stops looking. */
  close(): void;
}

export interface CertificatesDeps {
  readonly config: Pick<Config, 'dataDir' | 'domain' | 'tlsCertFile' | 'tlsKeyFile'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly clock: Pick<Clock, 'now'>;
  /** Between looks, ms. */
  readonly intervalMs?: number;
}

const RENEW_BEFORE_MS = 30 * 86_400_000;
const INTERVAL_MS = 10_000;

/** Where the pair comes from. `load` answers undefined when `previous` is still right. */
interface Source {
  readonly caFile: string | undefined;
  load(previous: KeyPair | undefined): Promise<KeyPair | undefined>;
}

/** Throws OperatorError when the files cannot be read or do not fit together. */
export async function createCertificates(deps: CertificatesDeps): Promise<Certificates> {
  const { tlsCertFile, tlsKeyFile } = deps.config;
  const source = tlsCertFile !== undefined && tlsKeyFile !== undefined ? ownFiles(deps, tlsCertFile, tlsKeyFile) : await localAuthority(deps);
  const first = await source.load(undefined);
  if (first === undefined) throw new OperatorError('the endpoint has no certificate');
  let pair = first;
  const listeners = new Set<() => void>();
  let looking = false;

  const refresh = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      const next = await source.load(pair);
      if (next === undefined) return;
      pair = next;
      deps.log.info({ validTo: new X509Certificate(pair.cert).validTo }, 'endpoint certificate changed');
      for (const listener of listeners) listener();
    } catch (error) {
      deps.log.warn({ reason: messageOf(error) }, 'endpoint certificate not changed: the new one cannot be used');
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(() => void refresh(), deps.intervalMs ?? INTERVAL_MS).unref();

  return {
    caFile: source.caFile,
    current: () => pair,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    refresh,
    close: () => clearInterval(timer),
  };
}

async function localAuthority({ config, clock }: CertificatesDeps): Promise<Source> {
  const certFile = join(config.dataDir, 'keys', 'endpoint.pem');
  const keyFile = join(config.dataDir, 'keys', 'endpoint.key');
  const names = [`*.microvm.${config.domain}`, `microvm.${config.domain}`, 'localhost'];
  const { file: caFile } = await loadOrCreateAuthority(config.dataDir, clock.now(), RENEW_BEFORE_MS);

  return {
    caFile,
    async load(previous) {
      const now = clock.now();
      if (previous !== undefined && !endsWithin(previous.cert, now, RENEW_BEFORE_MS)) return undefined;
      const authority = await loadOrCreateAuthority(config.dataDir, now, RENEW_BEFORE_MS);
      const found = previous ?? (await loadPair(certFile, keyFile));
      if (found !== undefined && isLeafRight(found.cert, authority.cert, names) && !endsWithin(found.cert, now, RENEW_BEFORE_MS)) return found;
      const made = await issueLeaf(authority, names, now);
      await writeFileWhole(keyFile, made.key);
      await writeFileWhole(certFile, made.cert);
      return made;
    },
  };
}

/** Signed by this authority and for these names: the domain may have been changed, the authority replaced. */
function isLeafRight(leafPem: string, authorityPem: string, names: readonly string[]): boolean {
  const leaf = new X509Certificate(leafPem);
  return leaf.subjectAltName === names.map((name) => `DNS:${name}`).join(', ') && leaf.verify(new X509Certificate(authorityPem).publicKey);
}

function ownFiles({ config, log, clock }: CertificatesDeps, certFile: string, keyFile: string): Source {
  let seen = '';
  return {
    caFile: undefined,
    async load(previous) {
      const stamp = `${await fileStamp(certFile)} ${await fileStamp(keyFile)}`;
      if (previous !== undefined && stamp === seen) return undefined;
      // Kept also when the pair is refused below: one warning for each change, and the other half of it changes the stamp.
      seen = stamp;
      const pair = { cert: await readOwn(certFile), key: await readOwn(keyFile) };
      checkPair(pair, certFile, keyFile);
      const host = `any.microvm.${config.domain}`;
      if (new X509Certificate(pair.cert).checkHost(host) === undefined) {
        log.warn({ certFile }, `the certificate does not cover *.microvm.${config.domain}: clients will refuse it`);
      }
      if (endsWithin(pair.cert, clock.now(), 0)) log.warn({ certFile }, 'the certificate has expired: clients will refuse it');
      return pair;
    },
  };
}

/** Changes whenever the file is written or replaced. */
async function fileStamp(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs}:${size}:${ino}`;
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function readOwn(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): OperatorError {
  return new OperatorError(`cannot read ${path} (${messageOf(error)}): TARDIGRADE_TLS_CERT_FILE and TARDIGRADE_TLS_KEY_FILE must name readable PEM files`);
}
