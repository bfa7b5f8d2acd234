/** PutObject, GetObject, HeadObject, DeleteObject. */
import { S3Error, type S3Request, type S3Response } from '../contracts.js';
import type { ObjectMeta } from './bucket.js';
import { checkWrite, readCondition } from './conditions.js';
import { uploadMeter } from './digest.js';
import { noSuchKey } from './errors.js';
import { headersOf, metadataOf } from './metadata.js';
import { emptyResponse, refuseUnsupported, type ObjectCall } from './operation.js';
import { parseRange } from './range.js';

/** S3's limit for one PUT, bytes. */
export const maxUploadBytes = 5 * 1024 ** 3;

export async function putObject({ request, context, bucket, key }: ObjectCall): Promise<S3Response> {
  checkUpload(request);
  const { blob, result } = await bucket.write(request.body, uploadMeter(request));
  const meta = {
    key,
    blob,
    size: result.size,
    etag: result.md5.toString('hex'),
    lastModified: context.clock(),
    ...metadataOf(request),
    checksum: result.checksum,
  };
  await bucket.commit(meta, (before) => checkWrite(request.headers, before));
  return emptyResponse(200, { etag: `"${meta.etag}"`, ...checksumHeaders(meta) });
}

export async function getObject({ request, bucket, key }: ObjectCall): Promise<S3Response> {
  const { meta, file } = await bucket.open(key);
  try {
    const condition = readCondition(request.headers, meta);
    if (condition === 'not-modified') {
      await file.close();
      return { status: 304, headers: headersOf(meta) };
    }
    const range = parseRange(request.headers.get('range'), meta.size);
    const headers = { ...readHeaders(request, meta, range !== undefined), ...overrides(request) };
    if (meta.size === 0) {
      await file.close();
      return { status: 200, headers: { ...headers, 'content-length': '0' } };
    }
    const { start, end } = range ?? { start: 0, end: meta.size - 1 };
    const length = String(end - start + 1);
    const body = file.createReadStream({ start, end }); // closes the file at its end or when destroyed
    if (!range) return { status: 200, headers: { ...headers, 'content-length': length }, body };
    return { status: 206, headers: { ...headers, 'content-length': length, 'content-range': `bytes ${start}-${end}/${meta.size}` }, body };
  } catch (error) {
    await file.close();
    throw error;
  }
}

export function headObject({ request, bucket, key }: ObjectCall): Promise<S3Response> {
  const meta = bucket.get(key);
  if (!meta) throw noSuchKey(key);
  if (readCondition(request.headers, meta) === 'not-modified') return Promise.resolve({ status: 304, headers: headersOf(meta) });
  const range = parseRange(request.headers.get('range'), meta.size);
  const headers = { ...readHeaders(request, meta, range !== undefined), ...overrides(request) };
  if (!range) return Promise.resolve({ status: 200, headers: { ...headers, 'content-length': String(meta.size) } });
  const { start, end } = range;
  return Promise.resolve({ status: 206, headers: { ...headers, 'content-length': String(end - start + 1), 'content-range': `bytes ${start}-${end}/${meta.size}` } });
}

/** Also 204 when there is no such key. */
export async function deleteObject({ bucket, key }: ObjectCall): Promise<S3Response> {
  await bucket.delete(key);
  return emptyResponse(204);
}

/** What can be refused of an upload before its first byte. Throws S3Error. */
export function checkUpload(request: S3Request): void {
  refuseUnsupported(request.headers);
  if (request.length === undefined) throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.');
  if (request.length > maxUploadBytes) {
    throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', { ProposedSize: String(request.length), MaxSizeAllowed: String(maxUploadBytes) });
  }
}

export function checksumHeaders({ checksum }: Pick<ObjectMeta, 'checksum'>): Record<string, string> {
  return checksum ? { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value, 'x-amz-checksum-type': 'FULL_OBJECT' } : {};
}

/** A checksum of the whole object says nothing about a part of it. */
function readHeaders({ headers }: S3Request, meta: ObjectMeta, partial: boolean): Record<string, string> {
  const wanted = headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED' && !partial;
  return { ...headersOf(meta), ...(wanted ? checksumHeaders(meta) : {}) };
}

/** `?response-content-type=…` and its like, used with presigned URLs. Throws S3Error for a value that no header can have. */
function overrides({ query }: S3Request): Record<string, string> {
  const names = ['content-type', 'content-language', 'expires', 'cache-control', 'content-disposition', 'content-encoding'];
  const given = names.map((name) => [name, query.get(`response-${name}`)] as const).filter((pair): pair is readonly [string, string] => pair[1] !== undefined);
  for (const [name, value] of given) {
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) {
      throw new S3Error('InvalidArgument', 'Header value cannot be represented using ISO-8859-1.', { ArgumentName: `response-${name}`, ArgumentValue: encodeURIComponent(value) });
    }
  }
  return Object.fromEntries(given);
}
