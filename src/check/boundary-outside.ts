/** What a client tries that has keys to one MicroVM and wants another, or has none any more. */
import { firstAnswer } from './answer.js';
import { attempt, NotPossible, type Seen } from './attempt.js';
import type { Answer } from './client/endpoint.js';
import { BY_REQUEST, type Fleet, type Vm } from './client/fleet.js';
import type { Finding } from './types.js';
import { ApiError, callApi } from '../daemon/remote.js';

/** The shortest life of a token, and a moment. */
const TOKEN_MINUTES = 1;
const TOKEN_OVER_MS = 61_500;
const TERMINATED_SHOWN = 'MICROVM_CONNECT_FAILED';

export const outside = { all, expiredToken, afterTheEnd };

async function all(fleet: Fleet, one: Vm, other: Vm): Promise<Finding[]> {
  const { path, port } = fleet.target;
  const wrongPort = port === 1 ? 2 : port - 1;
  const tried = (name: string, expected: string, work: () => Promise<Seen>): Promise<Finding> => attempt(`outside: ${name}`, expected, fleet.signal, work);
  return [
    await tried('control: the MicroVM\'s own token', 'HTTP 200', async () => is(await one.endpoint.get({ path, port, token: one.token }), 200)),
    await tried('no token', 'HTTP 403', async () => is(await one.endpoint.get({ path, port }), 403)),
    await tried('a token with one letter changed', 'HTTP 403', async () => is(await one.endpoint.get({ path, port, token: altered(one.token) }), 403)),
    await tried('the token of one MicroVM at another', 'HTTP 403', async () => is(await other.endpoint.get({ path, port, token: one.token }), 403)),
    await tried('a port the token is not for', 'HTTP 403', async () => is(await one.endpoint.get({ path, port: wrongPort, token: one.token }), 403)),
    await tried('a shell token for the application', 'no answer of the application', async () => {
      const answer = await one.endpoint.get({ path, port, token: await fleet.api.shellToken(one.id) });
      return { seen: shown(answer), held: answer.status >= 400 };
    }),
    await tried('a refused request does not wake a suspended MicroVM', 'HTTP 403, SUSPENDED', async () => {
      await fleet.suspend(other);
      const answer = await other.endpoint.get({ path, port, token: one.token });
      const { state } = await fleet.api.get(other.id);
      return { seen: `${shown(answer)}, ${state}`, held: answer.status === 403 && state === 'SUSPENDED' };
    }),
    await tried('the API with a wrong secret key', 'refused', () => refused(fleet, other.id)),
  ];
}

/** With a MicroVM of its own; takes a minute from `begun` on. */
async function expiredToken(fleet: Fleet, begun: () => void): Promise<Finding> {
  const { path, port } = fleet.target;
  return attempt('outside: a token after its minute', 'HTTP 200 before, HTTP 403 after', fleet.signal, async () => {
    const vm = await fleet.launch({ idlePolicy: BY_REQUEST });
    await firstAnswer(fleet, vm);
    const token = await fleet.api.token(vm.id, port, TOKEN_MINUTES);
    const before = await vm.endpoint.get({ path, port, token });
    begun();
    await fleet.pause(TOKEN_OVER_MS);
    const after = await vm.endpoint.get({ path, port, token });
    await fleet.end(vm);
    return { seen: `${shown(before)} before, ${shown(after)} after`, held: before.status === 200 && after.status === 403 };
  });
}

/** Ends the MicroVM. */
async function afterTheEnd(fleet: Fleet, vm: Vm): Promise<Finding[]> {
  const { path, port } = fleet.target;
  return [await attempt('outside: a token after the MicroVM was terminated', `HTTP 502 ${TERMINATED_SHOWN}`, fleet.signal, async () => {
    await fleet.end(vm);
    const again = fleet.endpointOf(vm);
    try {
      const answer = await again.get({ path, port, token: vm.token });
      return { seen: shown(answer), held: answer.status === 502 && answer.proxyError === TERMINATED_SHOWN };
    } finally {
      again.close();
    }
  })];
}

async function refused({ api }: Fleet, id: string): Promise<Seen> {
  if (api.access.key.sessionToken !== undefined) throw new NotPossible('with credentials of a session that would not tell a wrong key from an old token');
  const access = { ...api.access, key: { ...api.access.key, secretAccessKey: 'not-the-secret-of-this-key' } };
  try {
    await callApi(access, 'GET', `/2025-09-09/microvms/${id}`);
    return { seen: 'answered', held: false };
  } catch (error) {
    if (error instanceof ApiError) return { seen: error.type, held: true };
    throw error;
  }
}

const is = (answer: Answer, status: number): Seen => ({ seen: shown(answer), held: answer.status === status });

function shown({ status, proxyError, body }: Answer): string {
  return `HTTP ${status}${proxyError === undefined ? '' : ` ${proxyError}`}${status === 403 && /^[\w ]{1,60}$/.test(body) ? ` (${body})` : ''}`;
}

/** In the middle of the encrypted part: the last letters of base64url may hold bits that mean nothing. */
function altered(token: string): string {
  const at = Math.floor(token.length * 0.75);
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
}
