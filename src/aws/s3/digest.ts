/** Checks of an upload: Content-MD5 and the x-amz-checksum-* of a header or a trailer. Computed while the bytes pass. */
import { createHash, type Hash } from 'node:crypto';
import { Transform } from 'node:stream';
import zlib from 'node:zlib';
import { S3Error, type S3Request } from '../contracts.js';
import { crc32c, crc64nvme, type Checksum } from './crc.js';

const algorithms: Readonly<Record<string, () => Checksum>> = {
  crc32,
  crc32c,
  crc64nvme,
  sha1: () => hashChecksum('sha1'),
  sha256: () => hashChecksum('sha256'),
};
const headerPrefix = 'x-amz-checksum-';

export interface StoredChecksum {
  readonly algorithm: string; // as in the header's name: crc32, sha256
  readonly value: string; // base64
}

export interface UploadResult {
  readonly size: number;
  readonly md5: Buffer;
  readonly checksum?: StoredChecksum | undefined;
}

export interface UploadMeter {
  /** Put between body and file. Fails when there are more bytes than the client said. */
  readonly stream: Transform;
  /** After the stream's end. Throws S3Error BadDigest, IncompleteBody. */
  finish(): UploadResult;
}

/** Throws S3Error InvalidRequest, InvalidDigest for what can be refused before the first byte. */
export function uploadMeter(request: Pick<S3Request, 'headers' | 'trailers' | 'length'>): UploadMeter {
  const algorithm = statedAlgorithm(request);
  const checksum = algorithm === undefined ? undefined : algorithms[algorithm]?.();
  const wantedMd5 = statedMd5(request);
  const md5 = createHash('md5');
  let size = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      md5.update(chunk);
      checksum?.update(chunk);
      done(null, chunk);
    },
  });
  return {
    stream,
    finish() {
      if (request.length !== undefined && size !== request.length) {
        throw new S3Error('IncompleteBody', 'You did not provide the number of bytes specified by the Content-Length HTTP header.');
      }
      const digest = md5.digest();
      if (wantedMd5 && !wantedMd5.equals(digest)) throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.');
      if (algorithm === undefined || checksum === undefined) return { size, md5: digest };
      const value = checksum.digest();
      const name = `${headerPrefix}${algorithm}`;
      const wanted = request.headers.get(name) ?? request.trailers.get(name);
      if (wanted !== value) {
        throw new S3Error('BadDigest', `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`);
      }
      return { size, md5: digest, checksum: { algorithm, value } };
    },
  };
}

/** The algorithm of the checksum that comes as a header, or is announced as a trailer. */
function statedAlgorithm({ headers }: Pick<S3Request, 'headers'>): string | undefined {
  const other = new Set([`${headerPrefix}algorithm`, `${headerPrefix}type`, `${headerPrefix}mode`]);
  const announced = (headers.get('x-amz-trailer') ?? '').split(',').map((name) => name.trim().toLowerCase());
  const names = [...headers.keys(), ...announced].filter((name) => name.startsWith(headerPrefix) && !other.has(name));
  if (names.length > 1) throw new S3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.');
  const algorithm = names[0]?.slice(headerPrefix.length);
  if (algorithm !== undefined && !Object.hasOwn(algorithms, algorithm)) {
    throw new S3Error('InvalidRequest', `The checksum algorithm '${algorithm}' is not one of ${Object.keys(algorithms).join(', ')}.`);
  }
  return algorithm;
}

function statedMd5({ headers }: Pick<S3Request, 'headers'>): Buffer | undefined {
  const text = headers.get('content-md5');
  if (text === undefined) return undefined;
  const md5 = Buffer.from(text, 'base64');
  if (md5.length !== 16) throw new S3Error('InvalidDigest', 'The Content-MD5 you specified was invalid.');
  return md5;
}

function crc32(): Checksum {
  let crc = 0;
  return {
    update(data) {
      crc = zlib.crc32(data, crc);
    },
    digest() {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(crc >>> 0);
      return bytes.toString('base64');
    },
  };
}

function hashChecksum(name: string): Checksum {
  const hash: Hash = createHash(name);
  return { update: (data) => void hash.update(data), digest: () => hash.digest('base64') };
}
