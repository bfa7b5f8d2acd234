/** How commands are declared: what they have in common, options of the same kind alike. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Context, CommonOptions } from '../context.js';

/** What the declarations are given to run commands with; nothing a command needs is loaded before it runs. */
export interface Runtime {
  /** A command's own exit code, when it is not 0. */
  exit(code: number): void;
  context(options: CommonOptions): Context;
  /** Aborted by the first SIGINT or SIGTERM from now on; the second one ends the process. */
  interrupted(): AbortSignal;
}

export type Define = (program: Command, runtime: Runtime) => void;

/** For commands that print a result. */
export function json(command: Command): Command {
  return command.option('--json', 'print the result as JSON');
}

const CONNECTION = 'Which service (default: AWS_ENDPOINT_URL with AWS_* keys, else this host\'s):';

/** For commands that speak to the API. */
export function remote(command: Command): Command {
  return command
    .addOption(new Option('--endpoint <url>', 'address of the API').helpGroup(CONNECTION))
    .addOption(new Option('--profile <name>', 'keys, Region and endpoint_url of a profile in ~/.aws').helpGroup(CONNECTION))
    .addOption(new Option('--region <region>', 'Region to sign for').helpGroup(CONNECTION))
    .addOption(new Option('--ca-file <file>', 'PEM of the authority that signed the server\'s certificate').helpGroup(CONNECTION));
}

export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
    return value;
  };
}

export const port = integer(1, 65_535);

export function collectPorts(text: string, before: readonly number[]): readonly number[] {
  return [...before, port(text)];
}
