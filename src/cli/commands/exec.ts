/** `tardigrade exec <id> -- command …`: one command in the application's container, as if it ran here. */
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { findMicrovm } from '../resolve.js';
import { connect } from '../session/connect.js';
import { attachPipes } from '../session/pipes.js';
import { ClientSession, type Start } from '../session/session.js';
import { attachTerminal, sizeOf } from '../session/terminal.js';
import { keyValues } from './image-options.js';

export interface ExecOptions {
  readonly tty?: boolean;
  readonly env: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
}

/** A `--` between the id and the command is the person's punctuation; one later is the command's. */
export function commandOf(words: readonly string[]): readonly string[] {
  const command = words[0] === '--' ? words.slice(1) : words;
  if (command.length === 0) throw new CliError(EXIT.usage, 'exec needs a command', ['e.g. tardigrade exec <id> -- ls -l /']);
  return command;
}

/** Answers the command's exit code. */
export async function exec(context: Context, given: string, words: readonly string[], { tty: terminal = false, env: pairs, workdir, user }: ExecOptions): Promise<number> {
  const args = commandOf(words);
  const env = keyValues(pairs, '--env');
  const start: Start = {
    run: 'exec', args, env: terminal ? { TERM: 'xterm', ...env } : env, ...(workdir !== undefined && { cwd: workdir }), ...(user !== undefined && { user }),
    ...(terminal && { terminal: sizeOf(context.io.stdout) }),
  };
  const api = await context.api();
  const session = await ClientSession.start(await connect(api.access, await findMicrovm(api, given)), start, context.io);
  return terminal ? attachTerminal(session, context.io) : attachPipes(session, context.io);
}
