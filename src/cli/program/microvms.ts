import type { Command } from 'commander';
import type { ChangeOptions } from '../commands/microvms.js';
import type { RunOptions } from '../commands/run.js';
import type { CommonOptions } from '../context.js';
import { collect, type Define, json, port, remote, type Runtime } from './define.js';

/** Of every argument that names one. */
export const MICROVM = 'id, a beginning of it, or the image\'s name if it is the only one';

export const defineMicrovms: Define = (program, runtime) => {
  remote(json(program.command('run'))).argument('<image>', 'name, beginning of it, name:version, or ARN')
    .summary('start a MicroVM, wait until it takes requests, and say how to send one')
    .description('Starts a MicroVM, waits until it takes requests, and prints its endpoint and lines to send it one.')
    .option('--idle <duration>', 'suspend it after so long without a request, e.g. 15m (default: never)')
    .option('--keep-suspended <duration>', 'end it when it was suspended for so long, e.g. 8h')
    .option('--no-auto-resume', 'with --idle: a request does not resume it')
    .option('--duration <duration>', 'end it so long after its start: 8h at most, which is the default')
    .option('--shell', 'allow shell, exec, cp and port-forward --raw (connector SHELL_INGRESS)')
    .option('--ingress <connector>', 'HTTP_INGRESS, SHELL_INGRESS, ALL_INGRESS or an ARN; may be repeated', collect, [])
    .option('--egress <connector>', 'INTERNET_EGRESS, NO_EGRESS or an ARN; may be repeated', collect, [])
    .option('--payload <text>', 'for the run hook; @file reads it from a file')
    .option('--role <arn>', 'execution role, whose credentials the application gets')
    .option('--port <port>', 'port the printed lines use', port, 8080)
    .option('--no-wait', 'do not wait until it takes requests')
    .option('--timeout <duration>', 'wait at most so long', '2m')
    .action(async (image: string, options: RunOptions & CommonOptions) => {
      const { run } = await import('../commands/run.js');
      await run(runtime.context(options), image, options);
    });
  remote(json(program.command('ps'))).summary('list MicroVMs').description('Lists the account\'s MicroVMs, the newest first.').option('-a, --all', 'those that have ended too')
    .action(async (options: CommonOptions & { all?: boolean }) => {
      const { listMicrovms } = await import('../commands/microvms.js');
      await listMicrovms(runtime.context(options), options);
    });
  remote(json(program.command('inspect'))).argument('<id|image>', `${MICROVM}; or an image`).summary('state of a MicroVM, what comes next and why')
    .description('Shows a MicroVM: state, endpoint, what becomes of it next and why, how its last launch went. Or an image.')
    .action(async (name: string, options: CommonOptions) => {
      const { inspect } = await import('../commands/microvms.js');
      await inspect(runtime.context(options), name);
    });
  changing(program, runtime, 'suspend', 'keep memory, disk and processes, and free the host\'s memory');
  changing(program, runtime, 'resume', 'go on with a suspended MicroVM');
  changing(program, runtime, 'rm', 'end MicroVMs for good').alias('terminate');
};

function changing(program: Command, runtime: Runtime, what: 'suspend' | 'resume' | 'rm', summary: string): Command {
  return remote(json(program.command(what))).argument('<id...>', MICROVM).summary(summary).description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}; waits until it is done.`)
    .option('--no-wait', 'do not wait until it is done').option('--timeout <duration>', 'wait at most so long', '2m')
    .action(async (ids: readonly string[], options: ChangeOptions & CommonOptions) => {
      const { change } = await import('../commands/microvms.js');
      await change(runtime.context(options), what, ids, options);
    });
}
