/** `tardigrade shell <id>`: a terminal in the application's container. */
import { parseArgs } from 'node:util';
import type { RemoteAccess } from '../daemon/remote.js';
import { connect } from './session/connect.js';
import { ClientSession } from './session/session.js';
import { attachTerminal, sizeOf, type Streams } from './session/terminal.js';

/** Answers the shell's exit code. */
export async function shell(args: readonly string[], access: () => Promise<RemoteAccess>, streams: Streams): Promise<number> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true, options: {} });
  const [id] = positionals;
  if (id === undefined || positionals.length > 1) throw new Error('shell needs the id of a MicroVM, e.g. tardigrade shell microvm-…');
  const ws = await connect(await access(), id);
  const session = await ClientSession.start(ws, { run: 'shell', size: sizeOf(streams.stdout) }, streams);
  return attachTerminal(session, streams);
}
