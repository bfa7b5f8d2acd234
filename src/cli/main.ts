#!/usr/bin/env node
/** The command line. Settings come from TARDIGRADE_* variables (docs/configuration.md). */
import { pino } from 'pino';
import { loadConfig } from '../config/config.js';
import { prepareAssets } from '../daemon/prepare.js';
import { localAccess } from '../daemon/access.js';
import { messageOf } from '../errors/index.js';
import { cost } from './cost.js';
import { createProgress } from './progress.js';
import { environment } from './env.js';
import { logs } from './logs.js';
import { serve } from './serve.js';

const USAGE = `usage: tardigrade <command>

  serve [--unlimited]        serve the AWS API and the MicroVM endpoints until Ctrl-C; --unlimited: without AWS's
                             rates and quotas, for a private machine
  setup                      make kernel, base image and builder now instead of at the first start
  env                        print the exports that point any AWS tool here
  logs <group> [stream]      print build and application output; --follow waits for more, --account <id>
  cost [--json]              print what was used and what AWS would charge; --from <day> --to <day>, YYYY-MM-DD
  help                       this text
`;

async function main(args: readonly string[]): Promise<number> {
  const [command = '', ...rest] = args;
  const config = loadConfig();
  const logger = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: false }));
  switch (command) {
    case 'serve':
      if (rest.some((option) => option !== '--unlimited')) throw new Error(`serve has no option '${rest.join(' ')}': it takes --unlimited`);
      await serve({ ...config, unlimited: config.unlimited || rest.includes('--unlimited') }, logger);
      return 0;
    case 'setup':
      await prepareAssets(config, logger, createProgress());
      return 0;
    case 'env':
      process.stdout.write(environment(await localAccess(config)));
      return 0;
    case 'logs':
      await logs(rest, config, (text) => process.stdout.write(text));
      return 0;
    case 'cost':
      await cost(rest, config, (text) => process.stdout.write(text));
      return 0;
    case 'help':
    case '--help':
      process.stdout.write(USAGE);
      return 0;
    default:
      process.stderr.write(USAGE);
      return 2;
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`tardigrade: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
