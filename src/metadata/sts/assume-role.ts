/** AssumeRole of AWS's Security Token Service, or of a service that speaks its query protocol. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../clock/index.js';
import { sleep } from '../../clock/index.js';
import { messageOf } from '../../errors/index.js';
import { type RoleCredentials, RoleDeniedError, RoleUnavailableError } from '../contracts.js';

export interface StsRequest {
  readonly method: 'POST';
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hex SHA-256 of the body. */
  readonly payloadHash: string;
}

export interface AssumeRoleDeps {
  /** e.g. https://sts.eu-central-1.amazonaws.com */
  readonly endpoint: string;
  /** The headers to send. Asked at each try, as the operator's own credentials may change. */
  readonly sign: (request: StsRequest) => Promise<Readonly<Record<string, string>>>;
  readonly clock: Clock;
}

export type AssumeRole = (roleArn: string, sessionName: string) => Promise<RoleCredentials>;

/** Seconds the credentials are to live: what every role allows. */
const DURATION = 3600;
/** ms for one try, and between tries; SDKs wait a second for their metadata, and then ask again. */
const TRY_MS = 5_000;
const PAUSES_MS = [100, 400] as const;
const MAX_ANSWER_BYTES = 64 * 1024;

/** Throws {@link RoleDeniedError} when STS refuses, {@link RoleUnavailableError} when it cannot be asked. */
export function createAssumeRole({ endpoint, sign, clock }: AssumeRoleDeps): AssumeRole {
  const url = new URL(endpoint);

  async function once(body: string): Promise<{ readonly status: number; readonly text: string }> {
    const unsigned: StsRequest = {
      method: 'POST', url,
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      payloadHash: createHash('sha256').update(body).digest('hex'),
    };
    const response = await fetch(url, { method: 'POST', headers: await sign(unsigned), body, redirect: 'error', signal: AbortSignal.timeout(TRY_MS) });
    return { status: response.status, text: await textOf(response) };
  }

  return async (roleArn, sessionName) => {
    const body = new URLSearchParams({ Action: 'AssumeRole', Version: '2011-06-15', RoleArn: roleArn, RoleSessionName: sessionName, DurationSeconds: String(DURATION) }).toString();
    for (let tries = 0; ; tries++) {
      const failure = await once(body).then(
        ({ status, text }) => {
          if (status === 200) return readCredentials(text, clock.now(), url);
          const code = element(text, 'Code') ?? `HTTP ${status}`;
          const message = `STS at ${url.origin} refused AssumeRole of ${roleArn}: ${code}: ${element(text, 'Message') ?? 'without a message'}`;
          return status < 500 && !/throttl|limit/i.test(code) && status !== 429 ? new RoleDeniedError(message, `The role ${roleArn} cannot be assumed: ${code}.`) : new RoleUnavailableError(message);
        },
        (error: unknown) => new RoleUnavailableError(`STS at ${url.origin} cannot be asked: ${messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error)}`),
      );
      if (!(failure instanceof Error)) return failure;
      const pause = PAUSES_MS[tries];
      if (failure instanceof RoleDeniedError || pause === undefined) throw failure;
      await sleep(clock, pause);
    }
  };
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readCredentials(xml: string, now: number, url: URL): RoleCredentials | RoleUnavailableError {
  const [accessKeyId, secretAccessKey, token, expires] = ['AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration'].map((name) => element(xml, name));
  const expiration = Date.parse(expires ?? '');
  // The answer is a secret: the message has nothing of it.
  if (!accessKeyId || !secretAccessKey || !token || Number.isNaN(expiration)) return new RoleUnavailableError(`STS at ${url.origin} answered AssumeRole without credentials`);
  return { accessKeyId, secretAccessKey, token, lastUpdated: now, expiration };
}

function element(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text?.replace(/&(\w+);/g, (whole, entity: string) => entities[entity] ?? whole).trim();
}
