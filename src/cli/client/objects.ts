/** Code artifacts in a bucket of the server. */
import { createReadStream } from 'node:fs';
import { apiError, sendSigned, type RemoteAccess } from '../../daemon/remote.js';
import type { Archive } from '../archive/pack.js';

/** Makes the bucket if need be, and answers the object's `s3://` uri. What is there already is not sent again. */
export async function upload(access: RemoteAccess, archive: Archive, bucket: string, name: string, signal?: AbortSignal): Promise<{ readonly uri: string; readonly sent: boolean }> {
  const key = `${name}/${archive.sha256}.zip`;
  const uri = `s3://${bucket}/${key}`;
  const path = `/${bucket}/${key}`;
  const there = await sendSigned(access, { method: 'HEAD', path, service: 's3' }, signal);
  there.resume();
  if (there.statusCode === 200) return { uri, sent: false };
  await mustSucceed(access, { method: 'PUT', path: `/${bucket}`, service: 's3' }, ['BucketAlreadyOwnedByYou'], signal);
  const body = { stream: createReadStream(archive.path), bytes: archive.bytes, sha256: archive.sha256 };
  await mustSucceed(access, { method: 'PUT', path, service: 's3', headers: { 'content-type': 'application/zip' }, body }, [], signal);
  return { uri, sent: true };
}

async function mustSucceed(access: RemoteAccess, request: Parameters<typeof sendSigned>[1], except: readonly string[], signal?: AbortSignal): Promise<void> {
  const response = await sendSigned(access, request, signal);
  if ((response.statusCode ?? 0) < 300) return void response.resume();
  const error = await apiError(response, `${request.method} ${request.path}`);
  if (!except.includes(error.type)) throw error;
}
