/** `tardigrade exec <id> -- command …`: one command in the application's container, as if it ran here. */
import { parseArgs } from 'node:util';
import type { RemoteAccess } from '../daemon/remote.js';
import { connect } from './session/connect.js';
import { attachPipes } from './session/pipes.js';
import { ClientSession, type Start } from './session/session.js';
import { attachTerminal, sizeOf, type Streams } from './session/terminal.js';

const USAGE = 'exec needs the id of a MicroVM and a command, e.g. tardigrade exec microvm-… -- ls -l /';

export interface ExecRequest {
  readonly id: string;
  readonly command: readonly string[];
  readonly terminal: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly user: string | undefined;
}

/** Options end at the id: what follows is the command's. */
export function parseExec(args: readonly string[]): ExecRequest {
  const { tokens } = parseArgs({ args: [...args], allowPositionals: true, strict: false, tokens: true, options: OPTIONS });
  const first = tokens.find((token) => token.kind === 'positional');
  if (first === undefined) throw new Error(USAGE);
  const { values } = parseArgs({ args: args.slice(0, first.index), options: OPTIONS });
  const rest = args.slice(first.index + 1);
  const command = rest[0] === '--' ? rest.slice(1) : rest;
  if (command.length === 0) throw new Error(USAGE);
  return { id: first.value, command, terminal: values.tty ?? false, env: Object.fromEntries((values.env ?? []).map(parseVariable)), cwd: values.workdir, user: values.user };
}

const OPTIONS = {
  tty: { type: 'boolean', short: 't' },
  env: { type: 'string', short: 'e', multiple: true },
  workdir: { type: 'string', short: 'w' },
  user: { type: 'string', short: 'u' },
} as const;

function parseVariable(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new Error(`-e ${text}: must be NAME=value`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** Answers the command's exit code. */
export async function exec(args: readonly string[], access: () => Promise<RemoteAccess>, streams: Streams): Promise<number> {
  const { id, command, terminal, env, cwd, user } = parseExec(args);
  const start: Start = {
    run: 'exec', args: command, env: terminal ? { TERM: 'xterm', ...env } : env, ...(cwd !== undefined && { cwd }), ...(user !== undefined && { user }),
    ...(terminal && { terminal: sizeOf(streams.stdout) }),
  };
  const session = await ClientSession.start(await connect(await access(), id), start, streams);
  return terminal ? attachTerminal(session, streams) : attachPipes(session, streams);
}
