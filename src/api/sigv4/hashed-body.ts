/** Passes a body through and fails it at its end when its SHA-256 is not the one that was signed. */
import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { S3Error } from '../../aws/contracts.js';

export function hashedBody(expected: string): Transform {
  const hash = createHash('sha256');
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const actual = hash.digest('hex');
      if (actual === expected) return done();
      done(new S3Error('XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match what was computed.", {
        ClientComputedContentSHA256: expected,
        S3ComputedContentSHA256: actual,
      }));
    },
  });
}
