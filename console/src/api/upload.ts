/** Code artifacts from the browser to the account's bucket for them. */
import { ApiError, csrfHeader, messageIn } from './client.js';

/** Buckets are shared by all accounts of a service, so the account is in the name. */
export function bucketOf(accountId: string): string {
  return `tardigrade-console-${accountId}`;
}

/** Answers the `s3://` URI; `progress` is told of the part that is sent, 0 to 1. */
export async function uploadArtifact(accountId: string, imageName: string, file: Blob, progress: (part: number) => void, signal: AbortSignal): Promise<string> {
  const bucket = bucketOf(accountId);
  await makeBucket(bucket);
  const key = `${imageName}/${crypto.getRandomValues(new Uint32Array(2)).join('-')}.zip`;
  await put(`/console/s3/${bucket}/${key}`, file, progress, signal);
  return `s3://${bucket}/${key}`;
}

/** Looks first: a refusal to make it anew would be in the browser's log of errors. */
async function makeBucket(bucket: string): Promise<void> {
  const response = await fetch('/console/s3/');
  if (response.ok && (await response.text()).includes(`<Name>${bucket}</Name>`)) return;
  const made = await fetch(`/console/s3/${bucket}`, { method: 'PUT', headers: csrfHeader() });
  // 409: it is there, and the key may not list buckets.
  if (!made.ok && made.status !== 409) throw new ApiError(made.status, 'UploadFailed', s3Message(await made.text()));
}

/** By XMLHttpRequest: fetch does not tell how far an upload is. */
function put(url: string, file: Blob, progress: (part: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', url);
    for (const [name, value] of Object.entries({ ...csrfHeader(), 'content-type': 'application/zip' })) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => progress(total > 0 ? loaded / total : 0);
    request.onload = () => {
      if (request.status < 300) resolve();
      else reject(new ApiError(request.status, 'UploadFailed', s3Message(request.responseText)));
    };
    request.onerror = () => reject(new ApiError(0, 'Unreachable', 'The upload broke off: the service does not answer'));
    request.onabort = () => reject(new ApiError(0, 'Aborted', 'The upload was stopped'));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(file);
  });
}

function s3Message(text: string): string {
  return /<Message>([^<]*)<\/Message>/.exec(text)?.[1] ?? messageIn(text) ?? 'The upload was refused';
}
