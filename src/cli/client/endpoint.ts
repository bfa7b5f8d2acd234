/** A MicroVM's endpoint: its address, a token that is always fresh, requests. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request as open, type RequestOptions } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { loopback } from '../../sockets/loopback.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { isCertificateError, TRUST } from '../explain.js';
import type { Api, Microvm } from './api.js';

const TOKEN_HEADER = 'x-aws-proxy-auth';
const PORT_HEADER = 'x-aws-proxy-port';
/** The most a token may live. */
export const MAX_TOKEN_MINUTES = 60;
const MINUTE_MS = 60_000;

export interface EndpointRequest {
  readonly method: string;
  readonly path: string;
  /** Raw pairs: names may be there twice. */
  readonly headers: readonly string[];
  readonly body?: Readable | string | undefined;
}

export class Endpoint {
  #token: { readonly value: Promise<string>; readonly renewAt: number } | undefined;
  readonly #agent: Agent;

  private constructor(
    private readonly api: Api,
    readonly microvm: Microvm,
    /** Of the application. */
    readonly port: number,
    private readonly tokenMinutes: number,
    ca: Buffer | undefined,
  ) {
    this.#agent = new Agent({ keepAlive: true, lookup: loopback, ...(ca === undefined ? {} : { ca }) });
  }

  static async of(api: Api, id: string, port: number, tokenMinutes: number): Promise<Endpoint> {
    const { caFile } = api.access;
    const [microvm, ca] = await Promise.all([api.microvm(id), caFile === undefined ? undefined : readFile(caFile)]);
    const endpoint = new Endpoint(api, microvm, port, tokenMinutes, ca);
    // A MicroVM that has ended is told as such, before anything is tried.
    await endpoint.token();
    return endpoint;
  }

  /** Minted anew when half of its time is over. */
  token(): Promise<string> {
    if (this.#token === undefined || Date.now() >= this.#token.renewAt) {
      const value = this.api.appToken(this.microvm.microvmId, [{ port: this.port }], this.tokenMinutes);
      this.#token = { value, renewAt: Date.now() + (this.tokenMinutes * MINUTE_MS) / 2 };
      value.catch(() => (this.#token = undefined)); // whoever waits for it has the error; the next one tries again
    }
    return this.#token.value;
  }

  /** Options of node's request, with which a caller may also upgrade. */
  async options({ method, path, headers }: Pick<EndpointRequest, 'method' | 'path' | 'headers'>): Promise<RequestOptions> {
    const url = new URL(`https://${this.microvm.endpoint}`);
    const mine = ['host', this.microvm.endpoint, TOKEN_HEADER, await this.token(), PORT_HEADER, String(this.port)];
    return { method, path, host: url.hostname, port: url.port || 443, servername: url.hostname, headers: [...headers, ...mine], agent: this.#agent };
  }

  /** Throws CliError when no answer comes. */
  async send(request: EndpointRequest, signal?: AbortSignal): Promise<IncomingMessage> {
    const options = await this.options(request);
    return new Promise((resolve, reject) => {
      const outgoing = open({ ...options, ...(signal === undefined ? {} : { signal }) }, resolve);
      outgoing.once('error', (error) => reject(signal?.aborted === true ? error : this.unreachable(error)));
      if (typeof request.body === 'object') pipeline(request.body, outgoing).catch(() => undefined); // the request's own error tells
      else outgoing.end(request.body);
    });
  }

  unreachable(error: NodeJS.ErrnoException): CliError {
    const what = `the endpoint ${this.microvm.endpoint} does not answer: ${error.message}`;
    if (isCertificateError(error.code)) return new CliError(EXIT.unreachable, `the certificate of the endpoint ${this.microvm.endpoint} is not trusted here: ${error.message}`, TRUST);
    if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') return new CliError(EXIT.unreachable, what, ['its name must lead to the server from here: a DNS entry *.microvm.<domain>, or a line in /etc/hosts (docs/endpoint.md)']);
    return new CliError(EXIT.unreachable, what, ['the server must be reached on this port: check TARDIGRADE_ENDPOINT_HOST on it, and firewalls between']);
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** What an answer of the endpoint itself means; undefined: it is the application's. */
export async function refusalOf(api: Api, endpoint: Endpoint, response: IncomingMessage): Promise<CliError | undefined> {
  const error = response.headers['x-aws-proxy-error'];
  if (typeof error !== 'string') return undefined;
  const { port, microvm: { microvmId } } = endpoint;
  const id = microvmId.replace(/^microvm-/, '').slice(0, 8);
  const what = `the endpoint answers ${response.statusCode ?? 0} ${error}`;
  const { state, stateReason, idlePolicy } = await api.microvm(microvmId);
  if (state === 'TERMINATED' || state === 'TERMINATING') return new CliError(EXIT.state, `${what}: MicroVM ${microvmId} has ended${stateReason ? ` (${stateReason})` : ''}`, ['run another: tardigrade run <image>']);
  if (error === 'UNAUTHORIZED') return new CliError(EXIT.denied, `${what}: the token is not taken`, ['a token is for one MicroVM, for the ports it names, and for 60 minutes at most: mint another with tardigrade token, and check both clocks']);
  if (error === 'APP_CONNECT_FAILED') {
    return new CliError(EXIT.unreachable, `${what}: nothing in MicroVM ${microvmId} listens on port ${port}, or it does not speak HTTP`, [
      'name the port the application listens on: --port <port>',
      `see whether it started, and where it listens: tardigrade logs ${id}`,
    ]);
  }
  if (state === 'SUSPENDED' || state === 'SUSPENDING') {
    const by = idlePolicy?.autoResumeEnabled === true ? 'and its resume failed' : 'and does not resume by itself';
    return new CliError(EXIT.state, `${what}: MicroVM ${microvmId} is ${state} ${by}${stateReason ? ` (${stateReason})` : ''}`, [`resume it: tardigrade resume ${id}`, 'or run it so that a request does: tardigrade run <image> --idle 15m']);
  }
  return new CliError(EXIT.unreachable, `${what}: MicroVM ${microvmId} is ${state}${stateReason ? ` (${stateReason})` : ''}`, [`see what it says: tardigrade logs ${id}`, `and what comes next: tardigrade inspect ${id}`]);
}
