/** A session without a terminal: standard input in when it is piped, signals passed on. */
import type { ClientSession } from './session.js';
import type { Streams } from './terminal.js';

const PASSED_ON = { SIGINT: 'INT', SIGTERM: 'TERM', SIGHUP: 'HUP', SIGQUIT: 'QUIT' } as const;

/** As a program has it that was ended by SIGPIPE. */
const BROKEN_PIPE = 141;

/** Answers the program's code. A second signal of a kind leaves at once, as does an end of whoever reads our output. */
export async function attachPipes(session: ClientSession, { stdin, stdout }: Streams): Promise<number> {
  const seen = new Set<string>();
  const handlers = Object.entries(PASSED_ON).map(([signal, name]) => {
    const handler = (): void => {
      if (seen.has(name)) session.close();
      else session.signal(name);
      seen.add(name);
    };
    return [signal as NodeJS.Signals, handler] as const;
  });
  for (const [signal, handler] of handlers) process.on(signal, handler);
  const output = { unread: false };
  stdout.on('error', () => {
    output.unread = true;
    session.close();
  });
  if (stdin.isTTY) session.stdin.end();
  else stdin.pipe(session.stdin);
  try {
    return await session.exited;
  } catch (error) {
    if (output.unread) return BROKEN_PIPE;
    throw error;
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler);
    if (!stdin.isTTY) stdin.unpipe(session.stdin).destroy();
  }
}
