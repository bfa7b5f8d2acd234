/** Which bucket and key a request is about: `/<bucket>/<key>`, or `<bucket>.[s3.]<domain>` with `/<key>`. */
import { S3Error, type S3Request } from '../contracts.js';

export interface Address {
  readonly bucket?: string | undefined;
  readonly key?: string | undefined;
}

/** Longest key, bytes of UTF-8. */
const maxKeyBytes = 1024;

/** Throws S3Error InvalidURI, KeyTooLongError. `domains`: host names of this server, without port. */
export function addressOf(request: Pick<S3Request, 'host' | 'rawPath'>, domains: readonly string[]): Address {
  const path = request.rawPath.replace(/^\//, '');
  const hostBucket = bucketOfHost(request.host, domains);
  if (hostBucket !== undefined) return { bucket: hostBucket, key: keyOf(path) };
  const slash = path.indexOf('/');
  const bucket = decode(slash < 0 ? path : path.slice(0, slash));
  return { bucket: bucket === '' ? undefined : bucket, key: slash < 0 ? undefined : keyOf(path.slice(slash + 1)) };
}

function bucketOfHost(host: string, domains: readonly string[]): string | undefined {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  for (const domain of domains) {
    for (const suffix of [`.s3.${domain}`, `.${domain}`]) {
      if (!name.endsWith(suffix)) continue;
      const bucket = name.slice(0, -suffix.length);
      return bucket === 's3' && suffix === `.${domain}` ? undefined : bucket;
    }
  }
  return undefined;
}

function keyOf(rawKey: string): string | undefined {
  if (rawKey === '') return undefined;
  const key = decode(rawKey);
  const bytes = Buffer.byteLength(key);
  if (bytes > maxKeyBytes) throw new S3Error('KeyTooLongError', 'Your key is too long', { Size: String(bytes), MaxSizeAllowed: String(maxKeyBytes) });
  return key;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw new S3Error('InvalidURI', "Couldn't parse the specified URI.", { URI: text });
    throw error;
  }
}
