/** Signed reads from the running service of a data folder, for the command line. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { signRequest } from '../api/sigv4/sign.js';
import type { Config } from '../config/config.js';
import { messageOf } from '../errors/index.js';
import { localAccess } from './access.js';

const NO_BODY = createHash('sha256').update('').digest('hex');
const refusal = z.object({ message: z.string() });

/** The answer's JSON. Throws an Error for people: nothing serves there, or what the service refused and why. */
export async function localGet(config: Config, path: string, query: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const access = await localAccess(config);
  const url = new URL(path, access.apiUrl);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const headers = signRequest({ method: 'GET', url, headers: {}, payloadHash: NO_BODY }, access, { region: access.region, service: 'lambda' }, Date.now());
  let response: Response;
  try {
    response = await fetch(url, { headers });
  } catch (error) {
    throw new Error(`nothing answers at ${access.apiUrl} (${messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error)}): is the service running, with the same settings?`);
  }
  const answer: unknown = await response.json();
  if (response.ok) return answer;
  const told = refusal.safeParse(answer);
  throw new Error(told.success ? told.data.message : `the service answered with status ${response.status}`);
}
