/** The program in this process: its commands against a real server, its output as text. */
import { Writable } from 'node:stream';
import { CommanderError } from 'commander';
import { Context, type CommonOptions, type Io } from '../../../../src/cli/context.js';
import { explain } from '../../../../src/cli/explain.js';
import { createProgram } from '../../../../src/cli/program/program.js';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly done: Promise<Outcome>;
  /** As Ctrl-C does. */
  stop(): void;
  stdout(): string;
  stderr(): string;
}

class Sink extends Writable {
  text = '';
  constructor(readonly isTTY = false) {
    super({ decodeStrings: true });
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface Terminal {
  /** Is standard output one? */
  readonly tty?: boolean;
}

/** As main.ts does it. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv, { tty = false }: Terminal = {}): Running {
  const [stdout, stderr] = [new Sink(tty), new Sink()];
  const ending = new AbortController();
  const io = { stdin: process.stdin, stdout, stderr, env } as unknown as Io;
  const run = async (): Promise<Outcome> => {
    let code = 0;
    const program = createProgram({ exit: (own) => (code = own), context: (options: CommonOptions) => new Context(io, options), interrupted: () => ending.signal });
    const output = { writeOut: (text: string) => stdout.write(text), writeErr: (text: string) => stderr.write(text) };
    const all = [program, ...program.commands, ...program.commands.flatMap((command) => command.commands)];
    for (const command of all) command.configureOutput({ ...command.configureOutput(), ...output });
    try {
      await program.parseAsync([...args], { from: 'user' });
    } catch (error) {
      if (error instanceof CommanderError) code = error.exitCode === 0 ? 0 : 2;
      else {
        const { exitCode, message, fix } = explain(error);
        code = exitCode;
        stderr.write([message, ...fix].join('\n'));
      }
    }
    return { code, stdout: stdout.text, stderr: stderr.text };
  };
  return { done: run(), stop: () => ending.abort(), stdout: () => stdout.text, stderr: () => stderr.text };
}

export function cli(args: readonly string[], env: NodeJS.ProcessEnv, terminal?: Terminal): Promise<Outcome> {
  return start(args, env, terminal).done;
}
