/** Signed raw HTTP, for lambda-core, whose SDK client is not on npm: signed by the SDKs' own signer. */
import { createHash, createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import { key, region } from '../harness.js';

type Bytes = string | ArrayBuffer | ArrayBufferView;

const asBuffer = (data: Bytes): Buffer => {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
};

/** SHA-256 as the signer wants it: plain, or keyed. */
export class Sha256 {
  readonly #chunks: Buffer[] = [];
  constructor(private readonly secret?: Bytes) {}
  update(data: Bytes): void {
    this.#chunks.push(asBuffer(data));
  }
  digest(): Promise<Uint8Array> {
    const hash = this.secret === undefined ? createHash('sha256') : createHmac('sha256', asBuffer(this.secret));
    for (const chunk of this.#chunks) hash.update(chunk);
    return Promise.resolve(new Uint8Array(hash.digest()));
  }
  reset(): void {
    this.#chunks.length = 0;
  }
}

export interface RawAnswer {
  readonly status: number;
  readonly type: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** The body as JSON, `{}` when it is empty. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface RawCall {
  readonly method: string;
  /** Percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export async function signedCall(port: number, { method, path, query = {}, body, credentials = key }: RawCall): Promise<RawAnswer> {
  const signer = new SignatureV4({ service: 'lambda', region, credentials, sha256: Sha256 });
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = { host: `127.0.0.1:${port}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const signed = await signer.sign({ protocol: 'http:', hostname: '127.0.0.1', port, method, path, query: { ...query }, headers, body: text });
  const search = new URLSearchParams(query).toString();
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port, method, path: search === '' ? path : `${path}?${search}`, headers: signed.headers }, (response) => {
      let received = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
      response.on('error', reject);
      response.on('end', () => {
        const type = response.headers['x-amzn-errortype'];
        resolve({
          status: response.statusCode ?? 0,
          type: typeof type === 'string' ? type : undefined,
          headers: response.headers,
          text: received,
          json: received === '' ? {} : (JSON.parse(received) as Record<string, unknown>),
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}
