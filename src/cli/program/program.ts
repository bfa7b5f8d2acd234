/**
 * All commands. A file of this folder declares a group of them; what a command does is loaded when it runs, so that
 * help and small commands need not wait for the whole service. A new command: declare it in its group, or in a file of
 * its own that is added to GROUPS.
 */
import { readFileSync } from 'node:fs';
import { type Argument, Command, Help } from 'commander';
import { defineAccess } from './access.js';
import { defineCheck } from './check.js';
import { defineCompletion } from './completion.js';
import type { Define, Runtime } from './define.js';
import { defineHost } from './host.js';
import { defineImages } from './images.js';
import { defineMicrovms } from './microvms.js';
import { defineWatch } from './watch.js';

const GROUPS: readonly (readonly [title: string, define: Define])[] = [
  ['Service on this host:', defineHost],
  ['Images:', defineImages],
  ['MicroVMs:', defineMicrovms],
  ['Into a MicroVM:', defineAccess],
  ['Watching and accounting:', defineWatch],
  ['Trying it:', defineCheck],
  ['Shell:', defineCompletion],
];

const QUICK_START = `
From a zip (or a folder) with a Dockerfile to an answer of its application on port 8080:
  $ tardigrade serve                  # as root; leave it running, and go on in another terminal
  $ tardigrade image build app.zip
  $ tardigrade run app
  $ tardigrade curl app /

A MicroVM is named by its id, a beginning of it, or its image's name. Commands but those of the service speak to
AWS_ENDPOINT_URL with the AWS_* keys, else to this host's service; --endpoint and --profile name another.
Each command has its own help: tardigrade help run. Exit codes and more: docs/cli.md.`;

export function createProgram(given: Runtime): Command {
  const program = new Command('tardigrade');
  const runtime: Runtime = { ...given, context: (options) => given.context({ ...options, ...program.opts<{ readonly config?: string }>() }) };
  program.description('Tardigrade: your own AWS Lambda MicroVMs. Builds images, runs MicroVMs, and gets you into them.')
    .usage('[--config <file>] <command>').option('--config <file>', 'settings file of this host\'s service').helpCommand('help [command]', 'help of a command').enablePositionalOptions()
    .version(version(), '-V, --version', 'print the version').addHelpText('after', QUICK_START)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'tardigrade: ')) })
    .configureHelp({
      // That an option which may be repeated is there no time at all needs no saying.
      optionDescription: (option) => (Array.isArray(option.defaultValue) ? option.description : new Help().optionDescription(option)),
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentText)].join(' '),
    })
    .showSuggestionAfterError().showHelpAfterError('  → see: tardigrade help [command]').exitOverride();
  for (const [title, define] of GROUPS) {
    program.commandsGroup(title);
    define(program, runtime);
  }
  return program;
}

function argumentText(argument: Argument): string {
  const text = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${text}>` : `[${text}]`;
}

export function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}
