/** A client of the event stream, signed as the SDKs sign, that reads what it is asked to. */
import { request, type IncomingMessage } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import { key, region } from '../harness.js';
import { Sha256 } from './signed.js';

export interface StreamClient {
  readonly response: IncomingMessage;
  /** All that came so far. */
  readonly text: () => string;
  readonly ended: Promise<'end' | 'cut'>;
  /** Resolves when what came has that text. */
  has(text: string): Promise<void>;
  close(): void;
}

export interface StreamOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export async function openEvents(port: number, { query = {}, headers = {}, credentials = key }: StreamOptions = {}): Promise<StreamClient> {
  const signer = new SignatureV4({ service: 'lambda', region, credentials, sha256: Sha256 });
  const path = '/tardigrade/v1/events';
  const signed = await signer.sign({ protocol: 'http:', hostname: '127.0.0.1', port, method: 'GET', path, query: { ...query }, headers: { host: `127.0.0.1:${port}`, accept: 'text/event-stream', ...headers }, body: '' });
  const search = new URLSearchParams(query).toString();
  const outgoing = request({ host: '127.0.0.1', port, path: search === '' ? path : `${path}?${search}`, headers: signed.headers, agent: false });
  outgoing.end();
  const response = await new Promise<IncomingMessage>((resolve, reject) => outgoing.once('response', resolve).once('error', reject));
  let received = '';
  let told = (): void => undefined;
  response.setEncoding('utf8').on('data', (chunk: string) => {
    received += chunk;
    told();
  });
  const ended = new Promise<'end' | 'cut'>((resolve) => {
    response.once('end', () => resolve('end'));
    response.once('error', () => resolve('cut'));
  });
  return {
    response, ended,
    text: () => received,
    has: (text) => new Promise((resolve) => {
      told = () => {
        if (received.includes(text)) resolve();
      };
      told();
    }),
    close: () => void outgoing.destroy(),
  };
}

/** The events in a text of server-sent events. */
export function eventsIn(text: string): { readonly id: string; readonly event: string; readonly data: Readonly<Record<string, unknown>> }[] {
  return text.split('\n\n').filter((block) => block.startsWith('id: ')).map((block) => {
    const [, id = '', event = '', data = ''] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block) ?? [];
    return { id, event, data: JSON.parse(data) as Record<string, unknown> };
  });
}
