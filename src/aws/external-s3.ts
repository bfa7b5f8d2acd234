/** Reads artifacts from any S3-compatible endpoint, by path-style GetObject signed with the operator's key. */
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { ObjectError, type ObjectErrorCode, type ObjectReader } from './contracts.js';

export interface ExternalS3Deps {
  /** e.g. https://s3.eu-central-1.amazonaws.com */
  readonly endpoint: string;
  /** The headers to send with a GET of `url`, which has no body. */
  readonly sign: (url: URL) => Readonly<Record<string, string>>;
  /** ms without a byte until a read is given up; default 30 s */
  readonly idleMs?: number;
}

const knownCodes: readonly ObjectErrorCode[] = ['NoSuchBucket', 'NoSuchKey', 'AccessDenied', 'InvalidObjectState'];
/** Of an error's XML, bytes. */
const maxErrorBytes = 64 * 1024;

/** Every account of this server reads with the one key: whose bucket it is, the other side decides. */
export function createExternalReader({ endpoint, sign, idleMs = 30_000 }: ExternalS3Deps): ObjectReader {
  return {
    async open(_accountId, bucket, key) {
      const url = new URL(endpoint);
      url.pathname = `${url.pathname.replace(/\/$/, '')}/${bucket}/${key.split('/').map(encode).join('/')}`;
      const response = await get(url, sign(url), idleMs);
      const size = Number(response.headers['content-length'] ?? NaN);
      if (response.statusCode === 200 && Number.isSafeInteger(size)) return { size, body: response };
      const [code, message] = await errorOf(response);
      if (response.statusCode === 200) throw new Error(`${url.origin} did not say how long s3://${bucket}/${key} is; it must send Content-Length`);
      const known = knownCodes.find((one) => one === code);
      if (known !== undefined) throw new ObjectError(known, `s3://${bucket}/${key} at ${url.origin}: ${message}`);
      throw new Error(`${url.origin} answered ${response.statusCode ?? 0} ${code} for s3://${bucket}/${key}: ${message}. Check TARDIGRADE_S3_ENDPOINT, its region and its keys.`);
    },
  };
}

/** Dots alone would be taken for a way up. */
function encode(segment: string): string {
  const encoded = encodeURIComponent(segment).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  if (/^\.{1,2}$/.test(encoded)) throw new ObjectError('NoSuchKey', `a key with the part '${segment}' cannot be asked for at an external S3`);
  return encoded;
}

function get(url: URL, headers: Readonly<Record<string, string>>, idleMs: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, { headers, agent: false }, resolve);
    request.setTimeout(idleMs, () => request.destroy(new Error(`no answer from ${url.origin} for ${idleMs / 1000} s`)));
    request.once('error', (error) => reject(new Error(`cannot read from ${url.origin}: ${error.message}`, { cause: error })));
    request.end();
  });
}

async function errorOf(response: IncomingMessage): Promise<[code: string, message: string]> {
  let xml = '';
  for await (const chunk of response as AsyncIterable<Buffer>) {
    xml += chunk.toString('utf8');
    if (xml.length > maxErrorBytes) break;
  }
  return [/<Code>([^<]*)</.exec(xml)?.[1] ?? 'without a code', /<Message>([^<]*)</.exec(xml)?.[1] ?? ''];
}
