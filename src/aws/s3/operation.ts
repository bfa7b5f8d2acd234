/** What the operations of the S3 subset share. */
import { S3Error, type S3Request, type S3Response } from '../contracts.js';
import type { Bucket } from './bucket.js';
import type { Buckets } from './buckets.js';
import { s3Namespace, xmlDocument, type XmlTree } from './xml.js';

export interface S3Context {
  readonly buckets: Buckets;
  readonly region: string;
  readonly clock: () => number;
}

export interface BucketCall {
  readonly request: S3Request;
  readonly context: S3Context;
  readonly bucketName: string;
}

export interface ObjectCall {
  readonly request: S3Request;
  readonly context: S3Context;
  readonly bucket: Bucket;
  readonly key: string;
}

/** Longest XML request body, bytes: 10,000 parts of about 200 bytes. */
const maxXmlBytes = 4 * 1024 * 1024;

export function xmlResponse(root: string, tree: XmlTree, headers: Readonly<Record<string, string>> = {}): S3Response {
  const body = xmlDocument(root, tree, s3Namespace);
  return { status: 200, headers: { 'content-type': 'application/xml', 'content-length': String(Buffer.byteLength(body)), ...headers }, body };
}

export function emptyResponse(status: number, headers: Readonly<Record<string, string>> = {}): S3Response {
  return { status, headers: status === 204 ? headers : { 'content-length': '0', ...headers } };
}

/** Reads to the end also when empty, since that is where the body's hash is checked. */
export async function readText(request: Pick<S3Request, 'body'>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxXmlBytes) throw new S3Error('MalformedXML', `The XML you provided is longer than ${maxXmlBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Headers that change what a request means and that this server does not serve: refused, never ignored. */
export function refuseUnsupported(headers: S3Request['headers']): void {
  for (const name of headers.keys()) {
    if (/^x-amz-(copy-source|server-side-encryption-customer|tagging|object-lock|website-redirect|grant|write-offset)/.test(name)) {
      throw new S3Error('NotImplemented', 'A header you provided implies functionality that is not implemented.', { Header: name });
    }
  }
}
