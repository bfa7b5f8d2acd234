/** The AWS services around MicroVMs that this server plays itself. Images read their artifacts through this. */
import type { Readable } from 'node:stream';

export type ObjectErrorCode = 'NoSuchBucket' | 'NoSuchKey' | 'AccessDenied' | 'InvalidObjectState';

/** The object cannot be read; `code` is the S3 error code. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError';
  constructor(
    readonly code: ObjectErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** Reads objects of the S3 subset on behalf of an account. */
export interface ObjectReader {
  /**
   * The caller consumes or destroys `body`. `size` is in bytes, what `body` will yield.
   * Throws {@link ObjectError}: AccessDenied when the bucket belongs to another account.
   */
  open(accountId: string, bucket: string, key: string): Promise<{ size: number; body: Readable }>;
}
