/** `tardigrade logs <group> [stream] [--follow] [--account <id>]`: prints log events from the data folder, daemon or not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Config } from '../config/config.js';
import { localLogs } from '../daemon/access.js';
import type { LogEvent } from '../logs/contracts.js';

const POLL_MS = 500;
/** Events and bytes read at once. */
const PAGE = { limit: 10_000, maxBytes: 4 * 1024 * 1024 };

interface Wanted {
  readonly accountId: string;
  readonly group: string;
  readonly stream: string | undefined;
}

/** Lines begin with their time, and their stream when none was named. Ends when all is printed; with --follow at `signal`. */
export async function logs(args: readonly string[], config: Config, print: (text: string) => void, signal?: AbortSignal): Promise<void> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: { follow: { type: 'boolean', short: 'f' }, account: { type: 'string' } } });
  const [group, stream] = positionals;
  if (group === undefined || positionals.length > 2) throw new Error('logs needs a group and perhaps a stream, e.g. tardigrade logs /aws/lambda-microvms/my-image');
  const wanted: Wanted = { accountId: values.account ?? config.accountId, group, stream };
  /** By stream: offset behind what is printed. */
  const printed = new Map<string, number>();
  let found = await printNew(config, wanted, printed, print);
  if (!found && values.follow !== true) {
    throw new Error(`account ${wanted.accountId} has no log group '${group}'${stream === undefined ? '' : ` with a stream '${stream}'`} in ${config.dataDir}: check the name, TARDIGRADE_DATA_DIR and --account`);
  }
  while (values.follow === true && signal?.aborted !== true) {
    await sleep(POLL_MS);
    found = await printNew(config, wanted, printed, print);
  }
}

/** Pages, merged by time. false when there is no such group or stream (yet). */
async function printNew(config: Config, { accountId, group, stream }: Wanted, printed: Map<string, number>, print: (text: string) => void): Promise<boolean> {
  const store = localLogs(config);
  const streams = (await store.streams(accountId, group))?.filter(({ name }) => stream === undefined || name === stream);
  if (streams === undefined || (stream !== undefined && streams.length === 0)) return false;
  for (;;) {
    const events: (LogEvent & { name: string })[] = [];
    let moved = false;
    for (const { name } of streams) {
      const page = await store.streamPage(accountId, group, name, { from: printed.get(name) ?? 'start', direction: 'forward', ...PAGE });
      if (page === undefined) continue;
      moved ||= page.last !== (printed.get(name) ?? page.first);
      printed.set(name, page.last);
      for (const event of page.events) events.push({ ...event, name });
    }
    if (!moved) return true;
    events.sort((a, b) => a.order - b.order);
    for (const { time, text, name } of events) print(`${new Date(time).toISOString()} ${stream === undefined ? `${name} ` : ''}${text}\n`);
  }
}
