/** `tardigrade logs [-f] <image | MicroVM | log group> [stream]`, through the CloudWatch Logs API. */
import type { Api } from '../client/api.js';
import { follow, LogReader, type LogEvent, type LogQuery } from '../client/logs.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { parseDuration } from '../output/units.js';
import { findImage, findMicrovm, imageName } from '../resolve.js';

export interface LogsOptions {
  readonly follow?: boolean;
  readonly since?: string;
  readonly tail?: number;
}

export async function logs(context: Context, given: string, stream: string | undefined, options: LogsOptions, signal: AbortSignal): Promise<void> {
  const api = await context.api();
  const query = { ...(await queryFor(api, given, stream)), since: options.since === undefined ? undefined : sinceOf(options.since) };
  const reader = new LogReader(api.access, query);
  const several = query.streams === undefined && query.streamPrefix === undefined;
  const show = (events: readonly LogEvent[]): void => context.print(events.map((event) => line(context, event, several)).join(''));
  const first = await reader.next();
  if (first === undefined && options.follow !== true) {
    const of = stream === undefined ? '' : ` with a stream '${stream}'`;
    throw new CliError(EXIT.notFound, `there is no log group '${query.group}'${of}`, ['it is made with the first line; wait for it: --follow', 'see what there is: tardigrade image ls, tardigrade ps --all']);
  }
  const shown = options.tail === undefined ? first : options.tail === 0 ? [] : first?.slice(-options.tail);
  show(shown ?? []);
  if (first?.length === 0 && options.follow !== true && !context.json) context.note(`Nothing is logged ${query.streamPrefix === undefined ? 'there' : 'of it'} yet.`);
  if (options.follow === true) for await (const events of follow(reader, signal)) show(events);
}

/** A group by its name, which has a slash; else a MicroVM or an image, whose group it is. */
async function queryFor(api: Api, given: string, stream: string | undefined): Promise<LogQuery> {
  const streams = stream === undefined ? {} : { streams: [stream] };
  if (given.includes('/') || given.startsWith('#')) return { group: given, ...streams };
  const image = (await api.images()).find(({ name, imageArn }) => name === given || imageArn === given);
  if (image !== undefined) return { group: await groupOf(api, image.imageArn, undefined), ...streams };
  let id: string;
  try {
    id = await findMicrovm(api, given);
  } catch (error) {
    if (!(error instanceof CliError) || / fits /.test(error.message)) throw error;
    const found = await findImage(api, given).catch(() => undefined);
    if (found === undefined) throw new CliError(EXIT.notFound, `'${given}' is no image, MicroVM or log group`, ['see what there is: tardigrade image ls, tardigrade ps --all', 'a log group is named in full: /aws/lambda-microvms/<image>']);
    return { group: await groupOf(api, found.image.imageArn, found.version), ...streams };
  }
  const { imageArn, imageVersion, startedAt } = await api.microvm(id);
  const day = new Date(startedAt * 1000).toISOString().slice(0, 10).replaceAll('-', '/');
  const group = `/aws/lambda-microvms/${imageName(imageArn)}`;
  return stream === undefined ? { group, streamPrefix: `${day}[${imageVersion}]${id}` } : { group, ...streams };
}

/** Of the image's builds: its own, unless its version names another. */
async function groupOf(api: Api, imageArn: string, wanted: string | undefined): Promise<string> {
  const versions = await api.versions(imageArn);
  const version = versions.find(({ imageVersion }) => imageVersion === wanted) ?? versions[0];
  return version?.logging?.cloudWatch?.logGroup ?? `/aws/lambda-microvms/${imageName(imageArn)}`;
}

/** A time, or how long ago it was: ms since 1970. */
function sinceOf(text: string): number {
  const time = /^\d{4}-/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? Date.now() - parseDuration(text, '--since') * 1000 : time;
}

/** A terminal acts on no byte of a guest; a file or pipe has them all. */
function line(context: Context, event: LogEvent, several: boolean): string {
  if (context.json) return `${JSON.stringify(event)}\n`;
  const text = context.io.stdout.isTTY ? printable(event.message.replaceAll('\t', '        ')) : event.message;
  return `${context.style('dim', new Date(event.timestamp).toISOString())} ${several ? `${context.style('cyan', event.logStreamName)} ` : ''}${text}\n`;
}
