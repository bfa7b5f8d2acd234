import type { CurlOptions } from '../commands/curl.js';
import type { ExecOptions } from '../commands/exec.js';
import type { ForwardOptions } from '../commands/port-forward.js';
import type { TokenOptions } from '../commands/token.js';
import type { CommonOptions } from '../context.js';
import { collect, collectPorts, type Define, json, port, remote } from './define.js';
import { MICROVM } from './microvms.js';

export const defineAccess: Define = (program, runtime) => {
  remote(json(program.command('curl'))).argument('<id>', MICROVM).argument('[path]', 'with its query', '/')
    .summary('send a request to the application, with a token of its own')
    .description('Sends a request to a MicroVM\'s application and prints the answer as it comes. The token is made for it.')
    .option('-X, --request <method>', 'method (default: GET, with data POST)')
    .option('-H, --header <line>', '\'Name: value\'; may be repeated', collect, [])
    .option('-d, --data <data>', 'body; @file reads it from a file, @- from standard input')
    .option('-p, --port <port>', 'port of the application', port, 8080)
    .option('-i, --include', 'print status and headers too')
    .option('-f, --fail', 'exit code 1 when the application answers 400 or more')
    .action(async (id: string, path: string, options: CurlOptions & CommonOptions) => {
      const { curl } = await import('../commands/curl.js');
      await curl(runtime.context(options), id, path, options, runtime.interrupted());
    });
  remote(json(program.command('token'))).argument('<id>', MICROVM).summary('make a token, for curl and other clients')
    .description('Makes a token and prints it as the header it goes in:\n  tardigrade token <id> | curl -H @- https://<endpoint>/')
    .option('-p, --port <port>', 'port it is good for; may be repeated (default: 8080)', collectPorts, [])
    .option('--all-ports', 'good for every port')
    .option('--for <duration>', 'how long it is good, 60m at most', '60m')
    .option('--shell', 'a token for a shell instead (connector SHELL_INGRESS)')
    .option('--raw', 'the token alone')
    .action(async (id: string, options: TokenOptions & CommonOptions) => {
      const { token } = await import('../commands/token.js');
      await token(runtime.context(options), id, options);
    });
  remote(program.command('shell')).argument('<id>', MICROVM).summary('a terminal in a MicroVM\'s container')
    .description('A terminal in a MicroVM\'s container; it must have been run with --shell. ~. at the start of a line leaves.')
    .action(async (id: string, options: CommonOptions) => {
      const { shell } = await import('../commands/shell.js');
      runtime.exit(await shell(runtime.context(options), id));
    });
  remote(program.command('exec')).argument('<id>', MICROVM).argument('[command...]', 'what to run, behind --').usage('[options] <id> -- <command> [argument…]').passThroughOptions()
    .summary('run one command there: its input, output and exit code')
    .description('Runs one command in a MicroVM\'s container as if it ran here; it must have been run with --shell.')
    .option('-t, --tty', 'give it a terminal')
    .option('-e, --env <NAME=value>', 'variable of its environment; may be repeated', collect, [])
    .option('-w, --workdir <folder>', 'folder it starts in')
    .option('-u, --user <user>', 'user it runs as (default: root)')
    .action(async (id: string, command: readonly string[], options: ExecOptions & CommonOptions) => {
      const { exec } = await import('../commands/exec.js');
      runtime.exit(await exec(runtime.context(options), id, command, options));
    });
  remote(program.command('cp')).argument('<from>', 'path here, or <id>:<path>').argument('<to>', 'the other').summary('copy files and folders out of a MicroVM, or into one')
    .description('Copies files and folders out of a MicroVM or into one, by the rules of cp(1); it must have been run with --shell.')
    .action(async (from: string, to: string, options: CommonOptions) => {
      const { cp } = await import('../commands/cp.js');
      await cp(runtime.context(options), from, to);
    });
  remote(json(program.command('port-forward'))).argument('<id>', MICROVM).argument('<ports>', '[local:]remote').summary('a port of this computer that leads to one of a MicroVM')
    .description('Listens here and passes HTTP/1.1 and WebSocket on to a port of a MicroVM, with tokens made and renewed.\nWith --raw, TCP of any protocol, over sessions in the container (run with --shell; needs socat, python3 or nc there).')
    .option('--address <address>', 'where to listen', '127.0.0.1')
    .option('--raw', 'any protocol over TCP, not HTTP')
    .action(async (id: string, ports: string, options: ForwardOptions & CommonOptions) => {
      const { portForward } = await import('../commands/port-forward.js');
      await portForward(runtime.context(options), id, ports, options, runtime.interrupted());
    });
};
