/** `tardigrade events [-f]`: changes of state as they happen. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openEvents } from '../client/events.js';
import type { Context } from '../context.js';
import { UnreachableError } from '../../daemon/remote.js';
import { printable } from '../output/printable.js';
import { stateColour } from '../output/style.js';
import { millisText } from '../output/units.js';
import { imageName, shortId } from '../resolve.js';

interface Event {
  readonly 'detail-type': string;
  readonly time: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** After the connection broke, before it is opened again. */
const AGAIN_MS = 1000;

export async function events(context: Context, { follow, after }: { readonly follow?: boolean; readonly after?: string }, signal: AbortSignal): Promise<void> {
  const access = await context.access();
  let last = after;
  for (let opened = false; ; ) {
    const query = new URLSearchParams({ follow: String(follow === true), ...(last === undefined ? {} : { after: last }) });
    try {
      for await (const { id, data } of openEvents(access, `/tardigrade/v1/events?${query.toString()}`, signal)) {
        opened = true;
        last = id ?? last;
        context.print(context.json ? `${JSON.stringify(JSON.parse(data))}\n` : `${describe(context, JSON.parse(data) as Event)}\n`);
      }
    } catch (error) {
      if (signal.aborted) return;
      // A server that is started anew is waited for; one that never was there is told.
      if (!opened || !isBroken(error)) throw error;
    }
    if (follow !== true || signal.aborted) return;
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined); // the loop's start ends it
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof UnreachableError || (error as NodeJS.ErrnoException).code === 'ECONNRESET';
}

function describe({ style }: Context, event: Event): string {
  const text = (name: string): string => {
    const value = event.detail[name];
    return typeof value === 'string' ? printable(value) : '';
  };
  const arn = text('imageArn');
  const version = text('imageVersion');
  const image = arn === '' ? '' : `${imageName(arn)}${version === '' ? '' : `:${version}`}`;
  const time = style('dim', printable(event.time));
  if (event['detail-type'] === 'MicroVM Image Build Step') {
    const ms = event.detail['durationMs'];
    return `${time}  build    ${image}  ${text('step')}  ${style(stateColour(text('status')), text('status'))}${typeof ms === 'number' ? `  ${millisText(ms)}` : ''}`;
  }
  const change = `${text('previousState') === '' ? '' : `${text('previousState')} → `}${style(stateColour(text('state')), text('state'))}`;
  const reason = text('stateReason') === '' ? '' : `  ${text('stateReason')}`;
  const id = text('microvmId');
  return id === '' ? `${time}  image    ${image}  ${change}${reason}` : `${time}  microvm  ${shortId(id)}  ${image}  ${change}${reason}`;
}
