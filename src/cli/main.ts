#!/usr/bin/env node
/** The command line. Settings come from TARDIGRADE_* variables and a file (docs/configuration.md). */
import { pino } from 'pino';
import { readConfig } from '../config/load.js';
import { localAccess } from '../daemon/access.js';
import { remoteAccess } from '../daemon/remote.js';
import { messageOf, OperatorError } from '../errors/index.js';
import { config as configCommand } from './config.js';
import { cp } from './cp.js';
import { cost } from './cost.js';
import { createProgress } from './progress.js';
import { environment } from './env.js';
import { exec } from './exec.js';
import { logs } from './logs.js';
import { exitCodeOf, SessionError } from './session/session.js';
import { shell } from './shell.js';

const USAGE = `usage: tardigrade [--config <file>] <command>

  serve [--unlimited]        serve the AWS API and the MicroVM endpoints until Ctrl-C; --unlimited: without AWS's
                             rates and quotas, for a private machine
  setup                      make kernel, base image and builder now instead of at the first start
  env                        print the exports that point any AWS tool here
  logs <group> [stream]      print build and application output; --follow waits for more, --account <id>
  shell <id>                 a terminal in a MicroVM's container; ~. at the start of a line leaves
  exec [-t] <id> -- <cmd>    run one command there: its input, output and exit code; -t with a terminal,
                             -e NAME=value, -w folder, -u user
  cp <id>:<path> <path>      copy files and folders out of a MicroVM, or into one the other way round
  cost [--json]              print what was used and what AWS would charge; --from <day> --to <day>, YYYY-MM-DD
  destroy-key <account>      make all encrypted images and MicroVMs of an account unreadable for good; needs --yes,
                             and a service that is stopped
  doctor [--json]            look at this host, and say what to mend and how; exit code 1 when something does not work
  backup <file>              copy the data folder into an archive, while the service runs or not; .tar or .tar.zst
  restore <file>             put such an archive into an empty data folder; the service must be stopped
  config check [file]        is a configuration file good? Says each line that is not
  config show [--json]       all settings in force here, and where they come from; secrets are hidden
  help                       this text
`;

/** `--config` stands before the command. */
function takeConfigOption(args: readonly string[]): { readonly file: string | undefined; readonly args: readonly string[] } {
  if (args[0] !== '--config') return { file: undefined, args };
  if (args[1] === undefined) throw new OperatorError('--config needs a file');
  return { file: args[1], args: args.slice(2) };
}

async function main(words: readonly string[]): Promise<number> {
  const { file, args } = takeConfigOption(words);
  const [command = '', ...rest] = args;
  // Before the settings are read, as it is what is asked when they are bad.
  if (command === 'config') {
    await configCommand(rest, { env: process.env, file, write: (text) => process.stdout.write(text) });
    return 0;
  }
  if (command === 'help' || command === '--help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const { config } = await readConfig(file);
  const logger = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: false }));
  switch (command) {
    // These two load the whole service, and doctor the C library, for which the others need not wait.
    case 'serve': {
      const { serve } = await import('./serve.js');
      if (rest.some((option) => option !== '--unlimited')) throw new Error(`serve has no option '${rest.join(' ')}': it takes --unlimited`);
      await serve({ ...config, unlimited: config.unlimited || rest.includes('--unlimited') }, logger);
      return 0;
    }
    case 'setup': {
      const { prepareAssets } = await import('../daemon/prepare.js');
      await prepareAssets(config, logger, createProgress());
      return 0;
    }
    case 'env':
      process.stdout.write(environment(await localAccess(config)));
      return 0;
    case 'logs':
      await logs(rest, config, (text) => process.stdout.write(text));
      return 0;
    case 'shell':
      return shell(rest, () => remoteAccess(config), process);
    case 'exec':
      return exec(rest, () => remoteAccess(config), process);
    case 'cp':
      await cp(rest, () => remoteAccess(config), (text) => process.stderr.write(`tardigrade: ${text}\n`));
      return 0;
    case 'cost':
      await cost(rest, config, (text) => process.stdout.write(text));
      return 0;
    case 'destroy-key': {
      const { destroyKeyOf } = await import('../daemon/destroy-key.js');
      process.stdout.write(`${await destroyKeyOf(rest, config)}\n`);
      return 0;
    }
    case 'backup': {
      const { backup } = await import('./backup.js');
      await backup(rest, config, (text) => process.stdout.write(text));
      return 0;
    }
    case 'restore': {
      const { restore } = await import('./restore.js');
      await restore(rest, config, (text) => process.stdout.write(text));
      return 0;
    }
    case 'doctor': {
      const { doctor } = await import('./doctor.js');
      return doctor(rest, config, (text) => process.stdout.write(text));
    }
    default:
      process.stderr.write(USAGE);
      return 2;
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`tardigrade: ${messageOf(error)}\n`);
  process.exitCode = error instanceof SessionError ? exitCodeOf(error) : 1;
}
