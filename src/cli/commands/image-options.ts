/** Options that describe an image, from the form they are typed in to the API's. */
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';

/** `NAME=value`. Throws CliError that names the option. */
export function keyValues(pairs: readonly string[], option: string): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new CliError(EXIT.usage, `${option} ${pair}: must be NAME=value`);
    return [pair.slice(0, equals), pair.slice(equals + 1)];
  }));
}

const IMAGE_HOOKS: readonly string[] = ['ready', 'validate'];
const RUNTIME_HOOKS: readonly string[] = ['run', 'resume', 'suspend', 'terminate'];

/** `ready`, or with its time in seconds `ready=120`. */
export function hooksOf(given: readonly string[], port: number | undefined): Record<string, unknown> | undefined {
  if (given.length === 0) {
    if (port !== undefined) throw new CliError(EXIT.usage, '--hook-port is of no use without a hook', ['name the hooks the application answers: --hook ready']);
    return undefined;
  }
  const image: Record<string, unknown> = {};
  const runtime: Record<string, unknown> = {};
  for (const text of given) {
    const [, name = '', seconds] = /^([a-z]+)(?:=(\d+))?$/.exec(text) ?? [];
    const group = IMAGE_HOOKS.includes(name) ? image : RUNTIME_HOOKS.includes(name) ? runtime : undefined;
    if (group === undefined) throw new CliError(EXIT.usage, `--hook ${text}: is none of ${[...IMAGE_HOOKS, ...RUNTIME_HOOKS].join(', ')}`, ['a time may follow, in seconds: --hook ready=120']);
    group[name] = 'ENABLED';
    if (seconds !== undefined) group[`${name}TimeoutInSeconds`] = Number(seconds);
  }
  return {
    ...(port === undefined ? {} : { port }),
    ...(Object.keys(image).length === 0 ? {} : { microvmImageHooks: image }),
    ...(Object.keys(runtime).length === 0 ? {} : { microvmHooks: runtime }),
  };
}
