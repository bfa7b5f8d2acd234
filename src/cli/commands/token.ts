/** `tardigrade token <id>`: a token as the header it goes in, to be piped into curl's `-H @-`. */
import { MAX_TOKEN_MINUTES } from '../client/endpoint.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { parseDuration } from '../output/units.js';
import { findMicrovm } from '../resolve.js';

export interface TokenOptions {
  readonly port: readonly number[];
  readonly allPorts?: boolean;
  readonly for: string;
  readonly shell?: boolean;
  readonly raw?: boolean;
}

export async function token(context: Context, given: string, options: TokenOptions): Promise<void> {
  const minutes = Math.ceil(parseDuration(options.for, '--for') / 60);
  if (minutes < 1 || minutes > MAX_TOKEN_MINUTES) throw new CliError(EXIT.usage, `--for ${options.for}: a token lives from 1 to ${MAX_TOKEN_MINUTES} minutes`);
  const api = await context.api();
  const id = await findMicrovm(api, given);
  const ports = options.allPorts === true ? [{ allPorts: {} }] : (options.port.length === 0 ? [8080] : options.port).map((port) => ({ port }));
  const value = options.shell === true ? await api.shellToken(id, minutes) : await api.appToken(id, ports, minutes);
  const [first] = options.port;
  // Which port a request goes to is a header of its own.
  const portLine = options.shell === true || first === undefined || first === 8080 ? '' : `X-aws-proxy-port: ${first}\n`;
  context.result({ 'X-aws-proxy-auth': value }, () => (options.raw === true ? `${value}\n` : `X-aws-proxy-auth: ${value}\n${portLine}`));
}
