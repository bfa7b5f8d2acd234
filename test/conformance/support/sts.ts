/** A small STS: AssumeRole over HTTP, its signature checked with the SDKs' own signer. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from './signed.js';

export interface AssumedRole {
  readonly roleArn: string;
  readonly sessionName: string;
  readonly durationSeconds: number;
}

export interface Sts {
  readonly url: string;
  readonly calls: AssumedRole[];
  /** Answers of the next calls: a status and error code, or nothing at all. */
  readonly troubles: (readonly [status: number, code: string] | 'hang-up')[];
  /** Who may call. */
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** ms since 1970 */
  now: () => number;
  close(): Promise<void>;
}

export async function startSts(region: string): Promise<Sts> {
  const server = createServer((request, response) => {
    const trouble = sts.troubles.shift();
    if (trouble === 'hang-up') return void request.socket.destroy();
    const reply = (status: number, xml: string): void => void response.writeHead(status, { 'content-type': 'text/xml' }).end(xml);
    const refuse = (status: number, code: string): void => reply(status, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>User is not &quot;allowed&quot;</Message></Error></ErrorResponse>`);
    if (trouble !== undefined) return refuse(...trouble);
    serve(request, refuse, reply).catch((error: unknown) => reply(500, String(error)));
  });

  async function serve(request: IncomingMessage, refuse: (status: number, code: string) => void, reply: (status: number, xml: string) => void): Promise<void> {
    const body = await text(request);
    if (!(await isSigned(request, body))) return refuse(403, 'SignatureDoesNotMatch');
    const form = new URLSearchParams(body);
    if (request.method !== 'POST' || form.get('Action') !== 'AssumeRole' || form.get('Version') !== '2011-06-15') return refuse(400, 'InvalidAction');
    const call = { roleArn: form.get('RoleArn') ?? '', sessionName: form.get('RoleSessionName') ?? '', durationSeconds: Number(form.get('DurationSeconds')) };
    // As STS checks them.
    if (!/^[\w+=,.@-]{2,64}$/.test(call.sessionName) || call.durationSeconds < 900) return refuse(400, 'ValidationError');
    sts.calls.push(call);
    const n = sts.calls.length;
    reply(200, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser>
      <Credentials><AccessKeyId>ASIA${n}</AccessKeyId><SecretAccessKey>secret&amp;${n}</SecretAccessKey><SessionToken>token+${n}==</SessionToken><Expiration>${new Date(sts.now() + call.durationSeconds * 1000).toISOString()}</Expiration></Credentials>
      </AssumeRoleResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleResponse>`);
  }

  /** Signs what came again, with the same headers and date, and compares. */
  async function isSigned(request: IncomingMessage, body: string): Promise<boolean> {
    const { authorization = '', host = '' } = request.headers;
    const [, names = ''] = /SignedHeaders=([^,]+)/.exec(authorization) ?? [];
    const headers = Object.fromEntries(names.split(';').filter((name) => name !== 'x-amz-date' && name !== 'x-amz-content-sha256' && name !== 'x-amz-security-token').map((name) => [name, String(request.headers[name])]));
    const date = String(request.headers['x-amz-date']).replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
    const signer = new SignatureV4({ service: 'sts', region, credentials: sts.credentials, sha256: Sha256 });
    const [hostname = '', port = ''] = host.split(':');
    const signed = await signer.sign({ protocol: 'http:', hostname, port: Number(port), method: request.method ?? '', path: request.url ?? '', query: {}, headers, body }, { signingDate: new Date(date) });
    return signed.headers['authorization'] === authorization;
  }

  const sts: Sts = {
    url: '', calls: [], troubles: [], now: Date.now,
    credentials: { accessKeyId: 'AKIAOPERATOR', secretAccessKey: 'operator-secret' },
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(sts, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
