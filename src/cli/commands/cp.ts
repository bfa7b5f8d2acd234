/** `tardigrade cp`: files and folders between this host and a MicroVM's container. */
import { posix } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from '../copy/pack.js';
import { rootName } from '../copy/place.js';
import { unpack } from '../copy/unpack.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { findMicrovm } from '../resolve.js';
import { connect } from '../session/connect.js';
import { ClientSession } from '../session/session.js';

export type CopyPlan =
  | { readonly direction: 'in'; readonly id: string; readonly local: string; readonly remote: string }
  | { readonly direction: 'out'; readonly id: string; readonly local: string; readonly remote: string };

/** What the guest says beside the archive, at most, in characters. */
const MESSAGES_MAX = 64 * 1024;

export function parseCopy(from: string, to: string): CopyPlan {
  const [source, target] = [parseRemote(from), parseRemote(to)];
  if (from === '' || to === '' || (source === undefined) === (target === undefined)) {
    throw new CliError(EXIT.usage, 'cp needs two paths, one of them in a MicroVM', ['out of it: tardigrade cp <id>:/var/log/app.log .', 'into it: tardigrade cp data <id>:/srv']);
  }
  if (source !== undefined) return { direction: 'out', ...source, local: to };
  return { direction: 'in', ...(target as NonNullable<typeof target>), local: from };
}

/** `<id>:<path>`; a local path with a colon can be written with a slash before it, as `./a:b`. */
function parseRemote(text: string): { id: string; remote: string } | undefined {
  const match = /^([^/:.][^/:]*):(.*)$/s.exec(text);
  if (match === null) return undefined;
  const [, id = '', path = ''] = match;
  const clean = posix.resolve('/', path);
  // A slash or dot at the end has a meaning that resolving takes away.
  const end = /\/\.$/.test(path) ? '/.' : path.endsWith('/') ? '/' : '';
  return { id, remote: clean === '/' ? '/' : `${clean}${end}` };
}

export async function cp(context: Context, from: string, to: string): Promise<void> {
  const plan = parseCopy(from, to);
  const warn = (text: string): void => context.note(`tardigrade: ${text}`);
  const api = await context.api();
  const messages = new Messages();
  const archive = new PassThrough();
  const run = plan.direction === 'in' ? 'unpack' : 'pack';
  const session = await ClientSession.start(await connect(api.access, await findMicrovm(api, plan.id)), { run, path: plan.remote }, { stdout: archive, stderr: messages });
  try {
    if (plan.direction === 'in') await send(session, plan.local, warn);
    else await receive(session, archive, plan);
    const code = await session.exited;
    if (code !== 0) throw new Error(`the MicroVM could not copy: ${messages.text || `code ${code}`}`);
    if (messages.text !== '') warn(messages.text);
  } catch (error) {
    // The guest's word on why it stopped says more than the broken stream it left.
    throw messages.text === '' ? error : new Error(`the MicroVM could not copy: ${messages.text}`, { cause: error });
  } finally {
    session.stdin.destroy();
    session.close();
  }
}

async function send(session: ClientSession, local: string, warn: (text: string) => void): Promise<void> {
  // The guest may end before it took all: it then says why.
  await Promise.race([pipeline(pack(local, warn), session.stdin), session.exited]);
}

async function receive(session: ClientSession, archive: PassThrough, { local, remote }: CopyPlan): Promise<void> {
  session.stdin.end();
  session.exited.then(() => archive.end(), (error: unknown) => archive.destroy(error as Error));
  await unpack(archive as AsyncIterable<Buffer>, local, rootName(remote));
}

/** Keeps the first of what the guest says, fit for a terminal. */
class Messages extends Writable {
  #text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#text = (this.#text + chunk.toString('utf8')).slice(0, MESSAGES_MAX);
    done();
  }

  get text(): string {
    return printable(this.#text).trim();
  }
}
