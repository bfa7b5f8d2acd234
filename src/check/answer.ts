/** The first HTTP 200 of an application. */
import type { Fleet, Vm } from './client/fleet.js';

/** Answers that a client is told to repeat: not reached yet, not ready yet. */
const AGAIN = new Set([502, 503]);
const AGAIN_AFTER_MS = 25;
const LIMIT_MS = 60_000;

/** Resolves with the answer's last byte. Throws when the application answers otherwise, or not in time. */
export async function firstAnswer(fleet: Fleet, { endpoint, token }: Vm): Promise<void> {
  const { path, port } = fleet.target;
  for (const end = performance.now() + LIMIT_MS; ; await fleet.pause(AGAIN_AFTER_MS)) {
    const { status, proxyError } = await endpoint.get({ path, token, port });
    if (status === 200) return;
    if (!AGAIN.has(status)) throw new Error(`GET ${path} at port ${port} answers ${status}, not 200: name a page that answers 200 by --path and --port`);
    if (performance.now() > end) throw new Error(`GET ${path} at port ${port} answers ${status} ${proxyError ?? ''} for ${LIMIT_MS / 1000} s: does the application listen there?`);
  }
}
