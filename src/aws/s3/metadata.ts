/** The headers an object keeps from its upload and shows when it is read. */
import type { S3Request } from '../contracts.js';
import type { ObjectMeta } from './bucket.js';

const kept = ['content-type', 'cache-control', 'content-disposition', 'content-encoding', 'content-language', 'expires'] as const;
const userPrefix = 'x-amz-meta-';

export type UploadMetadata = Pick<ObjectMeta, 'headers' | 'userMetadata'>;

export function metadataOf({ headers }: Pick<S3Request, 'headers'>): UploadMetadata {
  const stored: Record<string, string> = { 'content-type': 'binary/octet-stream' };
  for (const name of kept) {
    const value = headers.get(name);
    const text = name === 'content-encoding' ? withoutChunked(value) : value;
    if (text) stored[name] = text;
  }
  const user = [...headers].filter(([name]) => name.startsWith(userPrefix)).map(([name, value]) => [name.slice(userPrefix.length), value] as const);
  return { headers: stored, userMetadata: Object.fromEntries(user) };
}

export function headersOf(meta: ObjectMeta): Record<string, string> {
  const user = Object.entries(meta.userMetadata).map(([name, value]) => [`${userPrefix}${name}`, value] as const);
  return {
    ...meta.headers,
    ...Object.fromEntries(user),
    etag: `"${meta.etag}"`,
    'last-modified': new Date(meta.lastModified).toUTCString(),
    'accept-ranges': 'bytes',
  };
}

/** aws-chunked is how the body travelled, not what it is. */
function withoutChunked(value: string | undefined): string | undefined {
  return value?.split(',').map((coding) => coding.trim()).filter((coding) => coding !== 'aws-chunked' && coding !== '').join(',');
}
