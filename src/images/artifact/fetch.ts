import { createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ObjectError, type ObjectErrorCode, type ObjectReader } from '../../aws/contracts.js';
import { BuildFailure, type FailureCode } from '../failure.js';
import { refuseArchive } from './refuse.js';

const CODES: Readonly<Record<ObjectErrorCode, FailureCode>> = {
  NoSuchBucket: 'S3_NO_SUCH_BUCKET',
  NoSuchKey: 'S3_NO_SUCH_KEY',
  AccessDenied: 'S3_ACCESS_DENIED',
  InvalidObjectState: 'S3_INVALID_OBJECT',
};

export interface S3Location {
  readonly bucket: string;
  readonly key: string;
}

/** `s3://bucket/key`; undefined for anything else. */
export function parseS3Uri(uri: string): S3Location | undefined {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/.exec(uri);
  return match?.[1] === undefined || match[2] === undefined ? undefined : { bucket: match[1], key: match[2] };
}

/** Copies the object to the new file `target`; returns its bytes. Throws S3_* or ARCHIVE_INVALID (too large). */
export async function fetchArchive(
  objects: ObjectReader,
  from: S3Location & { readonly accountId: string },
  target: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<number> {
  const { size, body } = await objects.open(from.accountId, from.bucket, from.key).catch((error: unknown) => {
    if (!(error instanceof ObjectError)) throw error;
    throw new BuildFailure(CODES[error.code], `s3://${from.bucket}/${from.key} cannot be read: ${error.message}`, { cause: error });
  });
  if (size > maxBytes) {
    body.destroy();
    throw tooLarge(size, maxBytes);
  }
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > maxBytes) done(tooLarge(bytes, maxBytes));
      else done(null, chunk);
    },
  });
  await pipeline(body, counter, createWriteStream(target, { flags: 'wx', mode: 0o600 }), { signal });
  return bytes;
}

function tooLarge(bytes: number, maxBytes: number): BuildFailure {
  return refuseArchive(`it is ${bytes} bytes or more; at most ${maxBytes} bytes are allowed. Let the Dockerfile download large parts.`);
}
