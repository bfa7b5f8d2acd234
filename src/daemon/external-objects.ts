import { signRequest } from '../api/sigv4/sign.js';
import type { ObjectReader } from '../aws/contracts.js';
import { createExternalReader } from '../aws/external-s3.js';
import type { ExternalS3Config } from '../config/config.js';

/** Artifacts from the operator's S3, read with the operator's key. */
export function externalObjects({ endpoint, region, ...key }: ExternalS3Config): ObjectReader {
  return createExternalReader({
    endpoint,
    sign: (url) => signRequest({ method: 'GET', url, headers: {}, payloadHash: 'UNSIGNED-PAYLOAD' }, key, { region, service: 's3' }, Date.now()),
  });
}
