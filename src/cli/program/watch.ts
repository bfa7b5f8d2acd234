import type { LogsOptions } from '../commands/logs.js';
import type { CommonOptions } from '../context.js';
import { type Define, integer, json, remote } from './define.js';
import { MICROVM } from './microvms.js';

export const defineWatch: Define = (program, runtime) => {
  remote(json(program.command('logs'))).argument('<name>', 'image, MicroVM, or log group like /aws/lambda-microvms/my-image').argument('[stream]', 'one stream of it')
    .summary('output of builds and applications')
    .description('Prints what builds and applications wrote, by time.')
    .option('-f, --follow', 'go on with what comes, until Ctrl-C')
    .option('--since <time>', 'from this time on: 10m, 2h, or 2026-11-25T09:00:00Z')
    .option('--tail <lines>', 'only the last so many', integer(0, 1_000_000))
    .action(async (name: string, stream: string | undefined, options: LogsOptions & CommonOptions) => {
      const { logs } = await import('../commands/logs.js');
      await logs(runtime.context(options), name, stream, options, runtime.interrupted());
    });
  remote(json(program.command('top'))).summary('CPU and memory of what runs').description('Shows what live MicroVMs take of the host, over and over on a terminal until Ctrl-C, else once.')
    .option('--once', 'once, on a terminal too').option('--interval <duration>', 'how often', '2s')
    .action(async (options: CommonOptions & { once?: boolean; interval: string }) => {
      const { top } = await import('../commands/top.js');
      await top(runtime.context(options), options, runtime.interrupted());
    });
  remote(json(program.command('events'))).summary('changes of state, as they happen').description('Prints changes of state of images and MicroVMs and steps of builds: those the server still has.')
    .option('-f, --follow', 'go on with what comes, until Ctrl-C').option('--after <number>', 'only those behind the event of this number')
    .action(async (options: CommonOptions & { follow?: boolean; after?: string }) => {
      const { events } = await import('../commands/events.js');
      await events(runtime.context(options), options, runtime.interrupted());
    });
  remote(json(program.command('cost'))).argument('[id]', `one MicroVM over its life: ${MICROVM}`).summary('what was used, and what AWS would charge for it')
    .description('Prints what the account used and what AWS would charge for it; this month\'s, or one MicroVM\'s.')
    .option('--from <day>', 'first day, YYYY-MM-DD, UTC').option('--to <day>', 'last day')
    .action(async (id: string | undefined, options: CommonOptions & { from?: string; to?: string }) => {
      const { cost } = await import('../commands/cost.js');
      await cost(runtime.context(options), id, options);
    });
  remote(json(program.command('gc'))).summary('free disk: what nothing needs any more').description('Removes what nothing needs any more: records of ended MicroVMs, cached layers, files of deleted images, old log events.')
    .option('-n, --dry-run', 'only say what would go')
    .action(async (options: CommonOptions & { dryRun?: boolean }) => {
      const { gc } = await import('../commands/gc.js');
      await gc(runtime.context(options), options);
    });
};
