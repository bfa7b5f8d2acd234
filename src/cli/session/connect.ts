/** The way from a MicroVM's id to a WebSocket of its endpoint: describe, mint a shell token, connect. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { ApiError, callApi, type RemoteAccess } from '../../daemon/remote.js';
import { SESSION_PROTOCOL } from '../../endpoint/contracts.js';
import { loopback } from '../../sockets/loopback.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { isCertificateError, TRUST } from '../explain.js';
import { printable } from '../output/printable.js';
import { SessionError } from './error.js';

const described = z.object({ endpoint: z.string().min(1) });
const minted = z.object({ authToken: z.object({ 'X-aws-proxy-auth': z.string().min(1) }) });
/** It is used at once. */
const TOKEN_MINUTES = 1;
/** A suspended MicroVM is resumed first. */
const HANDSHAKE_MS = 60_000;
/** The usual reason of a refusal. */
const SUSPENDED = ['see its state: tardigrade inspect <id>; one that is SUSPENDED and does not resume by itself: tardigrade resume <id>'];
/** One frame of the guest and its channel's byte. */
const MESSAGE_MAX = 1024 * 1024 + 1;

/** Opens the WebSocket; nothing runs yet. */
export async function connect(access: RemoteAccess, microvmId: string): Promise<WebSocket> {
  const path = `/2025-09-09/microvms/${encodeURIComponent(microvmId)}`;
  const { endpoint } = described.parse(await callApi(access, 'GET', path));
  const { authToken } = minted.parse(await mint(access, path, microvmId));
  const ca = access.caFile === undefined ? undefined : await readFile(access.caFile);
  return open(endpoint, authToken['X-aws-proxy-auth'], ca);
}

async function mint(access: RemoteAccess, path: string, microvmId: string): Promise<unknown> {
  try {
    return await callApi(access, 'POST', `${path}/shell-auth-token`, { expirationInMinutes: TOKEN_MINUTES });
  } catch (error) {
    if (error instanceof ApiError && error.message.includes('SHELL_INGRESS network connector')) {
      const connector = `arn:aws:lambda:${access.region}:aws:network-connector:aws-network-connector`;
      throw new CliError(EXIT.state, `MicroVM ${microvmId} was run without SHELL_INGRESS, and what it was run with cannot be changed`, [
        'run one with it: tardigrade run <image> --shell',
        `or: aws lambda-microvms run-microvm --image-identifier <image> --ingress-network-connectors ${connector}:HTTP_INGRESS ${connector}:SHELL_INGRESS`,
      ]);
    }
    throw error;
  }
}

function open(endpoint: string, token: string, ca: Buffer | undefined): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`wss://${endpoint}/shell`, [SESSION_PROTOCOL], {
      headers: { 'x-aws-proxy-auth': token }, perMessageDeflate: false, maxPayload: MESSAGE_MAX, handshakeTimeout: HANDSHAKE_MS, lookup: loopback,
      ...(ca === undefined ? {} : { ca }),
    });
    ws.once('unexpected-response', (_request, response: IncomingMessage) => {
      const why = [response.statusCode, response.headers['x-aws-proxy-error']].filter((part) => part !== undefined).join(' ');
      text(response).then((body) => reject(new SessionError('refused', `the endpoint ${endpoint} refuses: ${why} ${printable(body)}`.trim(), SUSPENDED)), reject).finally(() => ws.terminate());
    });
    ws.once('error', (error: NodeJS.ErrnoException) => {
      reject(new SessionError('unreachable', `cannot connect to the endpoint ${endpoint}: ${error.message}`, isCertificateError(error.code) ? TRUST : []));
    });
    ws.once('open', () => resolve(ws));
  });
}
