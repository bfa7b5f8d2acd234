/** A GET as the SDK sends it, signed now. */
import { randomUUID } from 'node:crypto';
import { canonicalRequest, sha256, stringToSign } from '../../src/api/sigv4/canonical.js';
import { scopeText, sign, signingKey } from '../../src/api/sigv4/key.js';
import { KEY, REGION } from './protocol.js';

const EMPTY = sha256('');

export function signedHeaders(port: number, path: string): Record<string, string> {
  const timestamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = { date: timestamp.slice(0, 8), region: REGION, service: 'lambda' };
  const headers: Record<string, string> = {
    'amz-sdk-invocation-id': randomUUID(),
    'amz-sdk-request': 'attempt=1; max=3',
    host: `127.0.0.1:${port}`,
    'x-amz-content-sha256': EMPTY,
    'x-amz-date': timestamp,
    'x-amz-user-agent': 'aws-sdk-js/3.1131.0',
  };
  const names = Object.keys(headers);
  const [rawPath = '', query = ''] = path.split('?');
  const head = { method: 'GET', rawPath, query: [...new URLSearchParams(query)], headers: new Map(Object.entries(headers)) };
  const toSign = stringToSign(timestamp, scopeText(scope), canonicalRequest(head, names, EMPTY, 'generic'));
  const signature = sign(signingKey(KEY.secretAccessKey, scope), toSign);
  return {
    ...headers,
    'user-agent': 'aws-sdk-js/3.1131.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20 api/lambda-microvms#3.1131.0',
    accept: '*/*',
    connection: 'keep-alive',
    authorization: `AWS4-HMAC-SHA256 Credential=${KEY.accessKeyId}/${scopeText(scope)}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}
