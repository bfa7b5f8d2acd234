/** The person's terminal: raw while a session has it, as it was after every end that a process can see. */
import type { ReadStream, WriteStream } from 'node:tty';
import { EscapeFilter } from './escape.js';
import type { ClientSession, Size } from './session.js';

export interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Leaves what a full-screen program set up: alternate screen, hidden cursor, mouse, bracketed paste, keypad, colours. */
const SOBER = '\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1l\x1b>\x1b[0m\r\n';
const ENDING = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const;

/** 0×0 when it is no terminal. */
export function sizeOf(out: Partial<Pick<WriteStream, 'columns' | 'rows'>>): Size {
  return { cols: out.columns ?? 0, rows: out.rows ?? 0 };
}

/** Gives the session the terminal until the program ends; answers its code. */
export async function attachTerminal(session: ClientSession, { stdin, stdout }: Streams): Promise<number> {
  if (!stdin.isTTY) {
    stdin.pipe(session.stdin);
    return session.exited.finally(() => stdin.unpipe(session.stdin).destroy());
  }
  const restore = enterRaw(stdin);
  const onResize = (): void => session.resize(sizeOf(stdout));
  const onSignal = (): void => session.close();
  const filter = new EscapeFilter();
  const onTyped = (typed: Buffer): void => {
    const { bytes, leave } = filter.push(typed);
    if (bytes.length > 0 && !session.stdin.write(bytes)) {
      stdin.pause();
      session.stdin.once('drain', () => stdin.resume());
    }
    if (leave) session.close();
  };
  stdin.on('data', onTyped);
  stdout.on('resize', onResize);
  for (const signal of ENDING) process.on(signal, onSignal);
  let lost = true;
  try {
    const code = await session.exited;
    lost = false;
    return code;
  } finally {
    stdin.off('data', onTyped).pause();
    stdout.off('resize', onResize);
    for (const signal of ENDING) process.off(signal, onSignal);
    if (lost) stdout.write(SOBER);
    restore();
  }
}

/** Answers how to restore; an exit of the process, even by a fault, restores too. */
function enterRaw(stdin: ReadStream): () => void {
  const wasRaw = stdin.isRaw;
  const restore = (): void => {
    process.off('exit', restore);
    stdin.setRawMode(wasRaw);
  };
  process.on('exit', restore);
  stdin.setRawMode(true);
  return restore;
}
