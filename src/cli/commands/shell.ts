/** `tardigrade shell <id>`: a terminal in the application's container. */
import type { Context } from '../context.js';
import { findMicrovm } from '../resolve.js';
import { connect } from '../session/connect.js';
import { ClientSession } from '../session/session.js';
import { attachTerminal, sizeOf } from '../session/terminal.js';

/** Answers the shell's exit code. */
export async function shell(context: Context, given: string): Promise<number> {
  const api = await context.api();
  const ws = await connect(api.access, await findMicrovm(api, given));
  const session = await ClientSession.start(ws, { run: 'shell', size: sizeOf(context.io.stdout) }, context.io);
  return attachTerminal(session, context.io);
}
