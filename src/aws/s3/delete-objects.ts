/** DeleteObjects: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { S3Error, type S3Request, type S3Response } from '../contracts.js';
import { uploadMeter } from './digest.js';
import { readText, xmlResponse, type BucketCall } from './operation.js';
import { xmlTexts } from './xml.js';

const maxObjects = 1000;

/** Permission is asked for each object; one refused does not keep the others. */
export async function deleteObjects({ request, context, bucketName }: BucketCall): Promise<S3Response> {
  const { keys, quiet } = readDelete(await checkedText(request));
  const bucket = await context.buckets.get(bucketName, request.accountId);
  const deleted: { Key: string }[] = [];
  const failed: { Key: string; Code: string; Message: string }[] = [];
  for (const Key of keys) {
    try {
      request.authorize('s3:DeleteObject', `arn:aws:s3:::${bucketName}/${Key}`);
      await bucket.delete(Key);
      deleted.push({ Key });
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      failed.push({ Key, Code: error.code, Message: error.message });
    }
  }
  return xmlResponse('DeleteResult', { Deleted: quiet ? undefined : deleted, Error: failed });
}

/** S3 wants a digest here, so that a damaged list deletes nothing. */
async function checkedText(request: S3Request): Promise<string> {
  const names = [...request.headers.keys(), ...(request.headers.get('x-amz-trailer') ?? '').split(',').map((name) => name.trim().toLowerCase())];
  if (!names.some((name) => name === 'content-md5' || /^x-amz-checksum-(crc|sha)/.test(name))) {
    throw new S3Error('InvalidRequest', 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*');
  }
  const meter = uploadMeter(request);
  const out = new PassThrough();
  const [text] = await Promise.all([readText({ body: out }), pipeline(request.body, meter.stream, out)]);
  meter.finish();
  return text;
}

function readDelete(xml: string): { keys: string[]; quiet: boolean } {
  const objects = Array.from(xml.matchAll(/<Object>([^]*?)<\/Object>/g), (match) => match[1] ?? '');
  const keys = objects.map((object) => xmlTexts(object, 'Key')[0] ?? '');
  if (keys.length === 0 || keys.length > maxObjects || keys.includes('') || !/<\/Delete>\s*$/.test(xml)) {
    throw new S3Error('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema');
  }
  if (objects.some((object) => xmlTexts(object, 'VersionId').some((version) => version !== 'null'))) {
    throw new S3Error('NotImplemented', 'This server keeps no versions of objects: leave VersionId out.');
  }
  return { keys, quiet: xmlTexts(xml.replace(/<Object>[^]*?<\/Object>/g, ''), 'Quiet')[0]?.trim() === 'true' };
}
