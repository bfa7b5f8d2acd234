/**
 * Makes X.509 v3 certificates (RFC 5280) with ECDSA P-256 and SHA-256: a self-signed authority and server certificates.
 * Their shape is fixed, so they are written directly; node reads them back (`crypto.X509Certificate`).
 */
import { createHash, generateKeyPair, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { bitString, booleanTrue, explicit, implicit, integer, octetString, oid, sequence, set, time, utf8String } from './der.js';

/** PEM texts. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** ms since 1970 */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

const newKeyPair = promisify(generateKeyPair);

/** May sign server certificates and nothing below them (path length 0). */
export async function makeAuthority(commonName: string, validity: Validity): Promise<KeyPair> {
  const keys = await newKeyPair('ec', { namedCurve: 'P-256' });
  const name = nameOf(commonName);
  const extensions = [
    extension(OID.basicConstraints, true, sequence(booleanTrue(), integer(Buffer.from([0])))),
    extension(OID.keyUsage, true, bitString(Buffer.from([0b0000_0110]), 1)), // keyCertSign, cRLSign
    extension(OID.subjectKeyIdentifier, false, octetString(keyIdentifier(keys.publicKey))),
  ];
  return toPem(certificate({ issuer: name, subject: name, validity, publicKey: keys.publicKey, extensions }, keys.privateKey), keys.privateKey);
}

/** For the DNS names (wildcards allowed). */
export async function makeServerCertificate(authority: { cert: X509Certificate; key: KeyObject; commonName: string }, names: readonly string[], validity: Validity): Promise<KeyPair> {
  const keys = await newKeyPair('ec', { namedCurve: 'P-256' });
  const extensions = [
    extension(OID.basicConstraints, true, sequence()),
    extension(OID.keyUsage, true, bitString(Buffer.from([0b1000_0000]), 7)), // digitalSignature
    extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth))),
    extension(OID.subjectAltName, false, sequence(...names.map((name) => implicit(2, Buffer.from(name, 'latin1'))))),
    extension(OID.subjectKeyIdentifier, false, octetString(keyIdentifier(keys.publicKey))),
    extension(OID.authorityKeyIdentifier, false, sequence(implicit(0, keyIdentifier(authority.cert.publicKey)))),
  ];
  const subject = nameOf('Tardigrade endpoint'); // clients go by the DNS names alone; a common name may have 64 characters at most
  const issuer = nameOf(authority.commonName);
  return toPem(certificate({ issuer, subject, validity, publicKey: keys.publicKey, extensions }, authority.key), keys.privateKey);
}

interface Content {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly validity: Validity;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

function certificate(content: Content, signingKey: KeyObject): Buffer {
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))), // version 3
    integer(randomBytes(16)), // serial number: unique for each authority, at most 20 bytes
    algorithm,
    content.issuer,
    sequence(time(content.validity.from), time(content.validity.to)),
    content.subject,
    spki(content.publicKey),
    explicit(3, sequence(...content.extensions)),
  );
  return sequence(body, algorithm, bitString(sign('sha256', body, signingKey)));
}

/** RFC 5280 leaves `critical` out when false. */
function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [booleanTrue()] : []), octetString(value));
}

function nameOf(commonName: string): Buffer {
  const attribute = (id: string, text: string): Buffer => set(sequence(oid(id), utf8String(text)));
  return sequence(attribute(OID.organization, 'Tardigrade'), attribute(OID.commonName, commonName));
}

function spki(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}

/** RFC 7093 §2, method 4 (a hash of the key structure), cut to 160 bits. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash('sha256').update(spki(publicKey)).digest().subarray(0, 20);
}

function toPem(der: Buffer, key: KeyObject): KeyPair {
  return { cert: new X509Certificate(der).toString(), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}
