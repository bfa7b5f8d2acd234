import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import tls from 'node:tls';
import { createCertificates, type Certificates } from '../../../src/endpoint/certificates.js';
import { createEndpointServer } from '../../../src/endpoint/server.js';
import { createTokenService } from '../../../src/endpoint/tokens.js';
import { OperatorError } from '../../../src/errors/index.js';
import { FakeGateway, HOST, quiet, scratchDir } from './harness.js';

const DAY = 86_400_000;
const HOUR_MS = 3_600_000;

interface Options { now?: () => number; domain?: string; certFile?: string; keyFile?: string; warnings?: string[] }

async function make(t: TestContext, dataDir: string, { now = Date.now, domain = 'localhost', certFile, keyFile, warnings = [] }: Options = {}): Promise<Certificates> {
  const certificates = await createCertificates({
    config: { dataDir, domain, tlsCertFile: certFile, tlsKeyFile: keyFile },
    log: { info: () => undefined, warn: (_details: unknown, message?: string) => void warnings.push(message ?? '') },
    clock: { now },
    intervalMs: HOUR_MS, // the tests look themselves
  });
  t.after(() => certificates.close());
  return certificates;
}

const parse = (certificates: Certificates): X509Certificate => new X509Certificate(certificates.current().cert);

test('the local authority signs a certificate for all endpoints, in files of the right modes', async (t) => {
  const dataDir = await scratchDir(t);
  const certificates = await make(t, dataDir);
  const leaf = parse(certificates);
  const ca = new X509Certificate(await readFile(certificates.caFile ?? '', 'utf8'));
  assert.equal(certificates.caFile, join(dataDir, 'keys', 'ca.pem'));
  assert.ok(ca.ca && !leaf.ca);
  assert.ok(leaf.verify(ca.publicKey) && leaf.checkIssued(ca) && ca.verify(ca.publicKey));
  for (const host of [HOST, 'microvm.localhost', 'localhost']) assert.ok(leaf.checkHost(host), host);
  assert.equal(leaf.checkHost(`a.${HOST}`), undefined);
  assert.ok(Date.parse(leaf.validTo) - Date.parse(leaf.validFrom) <= 397 * DAY);
  assert.ok(Date.parse(ca.validTo) - Date.now() > 3649 * DAY);
  for (const file of ['ca.key', 'endpoint.key']) assert.equal((await stat(join(dataDir, 'keys', file))).mode & 0o777, 0o600);
  const { crv } = leaf.publicKey.export({ format: 'jwk' });
  assert.equal(crv, 'P-256');
});

test('a restart keeps both certificates; another domain gets another leaf of the same authority', async (t) => {
  const dataDir = await scratchDir(t);
  const first = await make(t, dataDir);
  const again = await make(t, dataDir);
  assert.equal(again.current().cert, first.current().cert);
  const ca = await readFile(first.caFile ?? '', 'utf8');
  const moved = await make(t, dataDir, { domain: 'example.org' });
  assert.ok(parse(moved).checkHost('x.microvm.example.org'));
  assert.equal(await readFile(moved.caFile ?? '', 'utf8'), ca);
});

test('the leaf is renewed with less than 30 days left, while running and at a start', async (t) => {
  const dataDir = await scratchDir(t);
  let now = Date.now();
  const certificates = await make(t, dataDir, { now: () => now });
  let changes = 0;
  certificates.onChange(() => (changes += 1));
  const first = certificates.current().cert;
  const end = Date.parse(parse(certificates).validTo);

  now = end - 31 * DAY;
  await certificates.refresh();
  assert.deepEqual([certificates.current().cert === first, changes], [true, 0]);
  now = end - 29 * DAY;
  await certificates.refresh();
  assert.deepEqual([certificates.current().cert === first, changes], [false, 1]);
  assert.ok(Date.parse(parse(certificates).validTo) > now + 395 * DAY);

  now += 390 * DAY;
  const later = await make(t, dataDir, { now: () => now });
  assert.ok(Date.parse(parse(later).validTo) > now + 395 * DAY);
});

test('an authority about to end is replaced, with its leaf', async (t) => {
  const dataDir = await scratchDir(t);
  const first = await make(t, dataDir);
  const old = await readFile(first.caFile ?? '', 'utf8');
  const later = await make(t, dataDir, { now: () => Date.now() + 3640 * DAY });
  const ca = await readFile(later.caFile ?? '', 'utf8');
  assert.notEqual(ca, old);
  assert.ok(parse(later).verify(new X509Certificate(ca).publicKey));
});

/** Two certificates of different authorities, as an operator's files. */
async function ownFiles(t: TestContext): Promise<{ dir: string; certFile: string; keyFile: string; a: string; b: string }> {
  const dir = await scratchDir(t);
  const [a, b] = [join(dir, 'a'), join(dir, 'b')];
  for (const dataDir of [a, b]) await make(t, dataDir);
  const own = join(dir, 'own');
  await mkdir(own);
  const [certFile, keyFile] = [join(own, 'cert.pem'), join(own, 'key.pem')];
  await copyFile(join(a, 'keys', 'endpoint.pem'), certFile);
  await copyFile(join(a, 'keys', 'endpoint.key'), keyFile);
  return { dir, certFile, keyFile, a, b };
}

async function replace(from: string, to: string): Promise<void> {
  await copyFile(from, `${to}.new`);
  await rename(`${to}.new`, to);
}

test('the operator\'s own files are served and read again when they change, under a running server', async (t) => {
  const { dir, certFile, keyFile, b } = await ownFiles(t);
  const warnings: string[] = [];
  const certificates = await make(t, join(dir, 'data'), { certFile, keyFile, warnings });
  assert.equal(certificates.caFile, undefined);
  const tokens = await createTokenService({ dataDir: join(dir, 'data'), clock: { now: Date.now } });
  const server = createEndpointServer({ config: { endpointHost: '127.0.0.1', endpointPort: 0, domain: 'localhost' }, certificates, tokens, gateway: new FakeGateway(), log: quiet });
  const { port } = await server.listen();
  t.after(() => server.close());
  const served = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = tls.connect({ host: '127.0.0.1', port, servername: HOST, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.once('error', reject);
    });
  const first = await served();
  assert.equal(first, parse(certificates).fingerprint256);

  await replace(join(b, 'keys', 'endpoint.pem'), certFile);
  await certificates.refresh();
  assert.equal(await served(), first, 'half of a change is not served');
  assert.deepEqual(warnings, ['endpoint certificate not changed: the new one cannot be used']);
  await replace(join(b, 'keys', 'endpoint.key'), keyFile);
  await certificates.refresh();
  assert.equal(await served(), new X509Certificate(await readFile(certFile)).fingerprint256);
  assert.notEqual(await served(), first);
});

test('files that cannot be used stop the start with a message for the operator', async (t) => {
  const { dir, certFile, keyFile, b } = await ownFiles(t);
  const data = join(dir, 'data');
  const rejected = (options: Options, rule: RegExp): Promise<void> =>
    assert.rejects(make(t, data, options), (error: Error) => error instanceof OperatorError && rule.test(error.message));
  await rejected({ certFile: join(dir, 'missing.pem'), keyFile }, /missing\.pem.*ENOENT.*TARDIGRADE_TLS_CERT_FILE/);
  await rejected({ certFile, keyFile: join(b, 'keys', 'endpoint.key') }, /is not that of the certificate/);
  await rejected({ certFile: keyFile, keyFile }, /must be a certificate and its unencrypted key in PEM/);
  const text = join(dir, 'text.pem');
  await writeFile(text, 'hello');
  await rejected({ certFile, keyFile: text }, /must be a certificate and its unencrypted key in PEM/);
});

test('a certificate that clients will refuse is served with a warning', async (t) => {
  const { dir, certFile, keyFile } = await ownFiles(t);
  const warnings: string[] = [];
  await make(t, join(dir, 'data'), { certFile, keyFile, domain: 'example.org', now: () => Date.now() + 500 * DAY, warnings });
  assert.deepEqual(warnings.map((text) => /cover|expired/.exec(text)?.[0]), ['cover', 'expired']);
});
