/**
 * CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload. An upload is a folder:
 *
 *     uploads/<id>/upload.json   key and metadata
 *     uploads/<id>/<n>.json      part n: its blob, size, MD5
 *
 * Parts' bytes are blobs of their own inside that folder, joined into one blob at completion.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { S3Error, type S3Request, type S3Response } from '../contracts.js';
import type { Bucket } from './bucket.js';
import { checkWrite } from './conditions.js';
import { uploadMeter } from './digest.js';
import { noSuchUpload } from './errors.js';
import { isMissing, readJson, writeJson } from './files.js';
import { metadataOf } from './metadata.js';
import { checksumHeaders, checkUpload } from './object-operations.js';
import { emptyResponse, readText, refuseUnsupported, xmlResponse, type ObjectCall } from './operation.js';
import { xmlTexts } from './xml.js';

/** `initiated`: ms since 1970 */
const uploadSchema = z.object({ key: z.string(), initiated: z.number().default(0), headers: z.record(z.string(), z.string()), userMetadata: z.record(z.string(), z.string()) });
const partSchema = z.object({ file: z.string(), size: z.number(), md5: z.string(), modified: z.number().default(0) });
export type Part = z.infer<typeof partSchema>;
export type Upload = z.infer<typeof uploadSchema>;

const maxPartNumber = 10_000;
/** Every part but the last, bytes. */
const minPartBytes = 5 * 1024 * 1024;
/** An upload that nobody finished is removed after seven days. */
const keptMs = 7 * 86_400_000;

export async function createMultipartUpload({ request, context, bucket, key }: ObjectCall): Promise<S3Response> {
  refuseUnsupported(request.headers);
  await readText(request);
  const uploadId = randomUUID();
  // Here, because nothing else makes them more.
  await removeStaleUploads(bucket, context.clock());
  await mkdir(folder(bucket, uploadId), { mode: 0o700 });
  await writeJson(join(folder(bucket, uploadId), 'upload.json'), { key, initiated: context.clock(), ...metadataOf(request) });
  return xmlResponse('InitiateMultipartUploadResult', { Bucket: bucket.info.name, Key: key, UploadId: uploadId });
}

export async function uploadPart({ request, context, bucket, key }: ObjectCall): Promise<S3Response> {
  checkUpload(request);
  const number = Number(request.query.get('partNumber'));
  if (!Number.isInteger(number) || number < 1 || number > maxPartNumber) {
    throw new S3Error('InvalidArgument', `Part number must be an integer between 1 and ${maxPartNumber}, inclusive`, { ArgumentName: 'partNumber', ArgumentValue: request.query.get('partNumber') ?? '' });
  }
  const { dir } = await find(bucket, key, request);
  const file = randomUUID();
  const meter = uploadMeter(request);
  try {
    await pipeline(request.body, meter.stream, createWriteStream(join(dir, file), { flags: 'wx', mode: 0o600 }));
    const result = meter.finish();
    const before = await readPart(dir, number);
    await writeJson(partPath(dir, number), { file, size: result.size, md5: result.md5.toString('hex'), modified: context.clock() });
    if (before) await rm(join(dir, before.file), { force: true });
    return emptyResponse(200, { etag: `"${result.md5.toString('hex')}"`, ...checksumHeaders(result) });
  } catch (error) {
    await rm(join(dir, file), { force: true });
    // Aborted or completed meanwhile: its folder is gone.
    throw isMissing(error) ? noSuchUpload(request.query.get('uploadId') ?? '') : error;
  }
}

export async function completeMultipartUpload({ request, context, bucket, key }: ObjectCall): Promise<S3Response> {
  const { dir, upload } = await find(bucket, key, request);
  const parts = await wantedParts(dir, await readText(request));
  const blob = randomUUID();
  try {
    await pipeline(partBytes(dir, parts), createWriteStream(bucket.blobPath(blob), { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    await bucket.discard(blob);
    throw isMissing(error) ? noSuchUpload(request.query.get('uploadId') ?? '') : error;
  }
  const digests = createHash('md5').update(Buffer.concat(parts.map((part) => Buffer.from(part.md5, 'hex'))));
  const etag = `${digests.digest('hex')}-${parts.length}`;
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const { headers, userMetadata } = upload;
  await bucket.commit({ key, blob, size, etag, lastModified: context.clock(), headers, userMetadata }, (before) => checkWrite(request.headers, before));
  await rm(dir, { recursive: true, force: true });
  return xmlResponse('CompleteMultipartUploadResult', { Location: `/${bucket.info.name}/${key}`, Bucket: bucket.info.name, Key: key, ETag: `"${etag}"` });
}

export async function abortMultipartUpload({ request, bucket, key }: ObjectCall): Promise<S3Response> {
  const { dir } = await find(bucket, key, request);
  await rm(dir, { recursive: true, force: true });
  return emptyResponse(204);
}

/** Throws S3Error NoSuchUpload. */
export async function find(bucket: Bucket, key: string, request: S3Request): Promise<{ dir: string; upload: Upload }> {
  const uploadId = request.query.get('uploadId') ?? '';
  // Also what keeps the path inside the bucket's folder.
  if (!/^[0-9a-f-]{36}$/.test(uploadId)) throw noSuchUpload(uploadId);
  const dir = folder(bucket, uploadId);
  const stored = await readJson(join(dir, 'upload.json'));
  const upload = stored === undefined ? undefined : uploadSchema.parse(stored);
  if (upload?.key !== key) throw noSuchUpload(uploadId);
  return { dir, upload };
}

/** All uploads under way, in no order. */
export async function uploadsOf(bucket: Bucket): Promise<(Upload & { id: string })[]> {
  const found: (Upload & { id: string })[] = [];
  for (const id of await readdir(join(bucket.dir, 'uploads'))) {
    const upload = uploadSchema.safeParse(await readJson(join(folder(bucket, id), 'upload.json')));
    if (upload.success) found.push({ ...upload.data, id });
  }
  return found;
}

/** In the order of their numbers. */
export async function partsOf(dir: string): Promise<(Part & { number: number })[]> {
  const numbers = (await readdir(dir)).flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? []).map(Number).sort((a, b) => a - b);
  const parts = await Promise.all(numbers.map(async (number) => ({ number, part: await readPart(dir, number) })));
  return parts.flatMap(({ number, part }) => (part === undefined ? [] : { ...part, number }));
}

async function removeStaleUploads(bucket: Bucket, now: number): Promise<void> {
  for (const { id, initiated } of await uploadsOf(bucket)) {
    if (initiated < now - keptMs) await rm(folder(bucket, id), { recursive: true, force: true });
  }
}

/** The parts the client names, in its order, checked as S3 does. */
async function wantedParts(dir: string, xml: string): Promise<Part[]> {
  const named = xmlParts(xml);
  const parts: Part[] = [];
  let before = 0;
  for (const { number, etag } of named) {
    if (number <= before) throw new S3Error('InvalidPartOrder', 'The list of parts was not in ascending order. The parts list must be specified in order by part number.');
    before = number;
    const part = await readPart(dir, number);
    if (part?.md5 !== etag) {
      throw new S3Error('InvalidPart', "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.", { PartNumber: String(number), ETag: etag });
    }
    parts.push(part);
  }
  const small = parts.slice(0, -1).findIndex((part) => part.size < minPartBytes);
  if (small >= 0) {
    throw new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', { ProposedSize: String(parts[small]?.size), MinSizeAllowed: String(minPartBytes), PartNumber: String(named[small]?.number) });
  }
  return parts;
}

function xmlParts(xml: string): { number: number; etag: string }[] {
  const bodies = Array.from(xml.matchAll(/<Part>([^]*?)<\/Part>/g), (match) => match[1] ?? '');
  const parts = bodies.map((body) => ({ number: Number(xmlTexts(body, 'PartNumber')[0]), etag: (xmlTexts(body, 'ETag')[0] ?? '').trim().replace(/^"|"$/g, '') }));
  if (parts.length === 0 || parts.some(({ number }) => !Number.isInteger(number) || number < 1 || number > maxPartNumber)) {
    throw new S3Error('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');
  }
  return parts;
}

async function* partBytes(dir: string, parts: readonly Part[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield* createReadStream(join(dir, part.file)) as AsyncIterable<Buffer>;
}

async function readPart(dir: string, number: number): Promise<Part | undefined> {
  const stored = await readJson(partPath(dir, number));
  return stored === undefined ? undefined : partSchema.parse(stored);
}

function partPath(dir: string, number: number): string {
  return join(dir, `${number}.json`);
}

function folder(bucket: Bucket, uploadId: string): string {
  return join(bucket.dir, 'uploads', uploadId);
}
