/** `GET /metrics`: unsigned, so only for programs on this host. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { MetricsPage } from '../metrics/contracts.js';
import type { Claim } from './sigv4/claim.js';
import type { RequestHead } from './sigv4/request-head.js';

/** A signed request for this path is about a bucket of that name, and one from elsewhere is refused as any unsigned one. */
export function isForMetrics(head: RequestHead, claim: Claim | undefined, request: IncomingMessage): boolean {
  return claim === undefined && head.method === 'GET' && head.rawPath === '/metrics' && isLoopback(request.socket.remoteAddress);
}

/** 127.0.0.0/8 and ::1; an IPv4 peer of a dual-stack listener shows as ::ffff:a.b.c.d. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::1|(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/.test(address);
}

export async function answerMetrics(page: MetricsPage, response: ServerResponse): Promise<void> {
  const body = await page.render();
  response.writeHead(200, { 'content-type': page.contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
