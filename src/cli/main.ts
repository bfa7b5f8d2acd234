#!/usr/bin/env node
/** The command line: reads it, runs one command, tells what went wrong, and leaves with the exit code (docs/cli.md). */
import { CommanderError } from 'commander';
import { Context } from './context.js';
import { EXIT, INTERRUPTED } from './exit-codes.js';
import { createProgram } from './program/program.js';

/** As a program has it that was ended by SIGPIPE. */
const BROKEN_PIPE = 141;

let context = new Context({ ...streams(), env: process.env });

function streams() {
  return { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
}

/** The second signal finds no handler and ends the process. */
function interrupted(): AbortSignal {
  const ending = new AbortController();
  const told = (): void => {
    process.exitCode = INTERRUPTED;
    ending.abort();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, told);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, told);
  return ending.signal;
}

async function main(args: readonly string[]): Promise<void> {
  const program = createProgram({
    exit: (code) => (process.exitCode = code),
    context: (options) => (context = new Context({ ...streams(), env: process.env }, options)),
    interrupted,
  });
  if (args.length === 0) {
    program.outputHelp({ error: true });
    process.exitCode = EXIT.usage;
    return;
  }
  await program.parseAsync([...args], { from: 'user' });
}

async function tell(error: unknown): Promise<void> {
  // Commander has told already what is wrong with the line, or has shown the help that was asked for.
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return;
  }
  const { explain } = await import('./explain.js');
  const { exitCode, message, fix } = explain(error);
  process.exitCode = exitCode;
  if (context.json) process.stderr.write(`${JSON.stringify({ error: { message, fix, exitCode } })}\n`);
  else process.stderr.write(`tardigrade: ${message}\n${fix.map((line) => `  → ${line}\n`).join('')}`);
}

// Whoever reads the output may have enough of it, as head has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(BROKEN_PIPE);
  throw error;
});

try {
  await main(process.argv.slice(2));
} catch (error) {
  await tell(error);
}
