/** `tardigrade top`: what live MicroVMs take of the host, over and over on a terminal. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TopRow } from '../client/api.js';
import type { Context } from '../context.js';
import { stateColour } from '../output/style.js';
import { table } from '../output/table.js';
import { bytesText, durationText, parseDuration } from '../output/units.js';
import { imageName, shortId } from '../resolve.js';

/** Homes the cursor; what is left of the last picture goes line by line, so that nothing flickers. */
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

export async function top(context: Context, { once, interval }: { readonly once?: boolean; readonly interval: string }, signal: AbortSignal): Promise<void> {
  const everyMs = Math.max(1, parseDuration(interval, '--interval')) * 1000;
  const api = await context.api();
  const live = context.io.stdout.isTTY && once !== true && !context.json;
  for (let first = true; ; first = false) {
    const rows = [...(await api.top())].sort((a, b) => (b.cpu ?? -1) - (a.cpu ?? -1) || b.runningSeconds - a.runningSeconds);
    const text = (): string => picture(context, rows);
    if (!live) return context.result({ microvms: rows }, text);
    context.print(`${first ? '\x1b[2J' : ''}${HOME}${text().replaceAll('\n', `${CLEAR_LINE}\n`)}${CLEAR_BELOW}`);
    await sleep(everyMs, undefined, { signal }).catch(() => undefined); // the next line ends it
    if (signal.aborted) return;
  }
}

function picture(context: Context, rows: readonly TopRow[]): string {
  const cpu = rows.reduce((sum, row) => sum + (row.cpu ?? 0), 0);
  const memory = rows.reduce((sum, row) => sum + (row.memoryBytes ?? 0), 0);
  const head = `${rows.length} MicroVM${rows.length === 1 ? '' : 's'}, ${cpu.toFixed(2)} vCPUs, ${bytesText(memory)}\n\n`;
  const cells = rows.map((row) => [
    shortId(row.microvmId), `${imageName(row.imageArn)}:${row.imageVersion}`, row.state, row.cpu === null ? '-' : row.cpu.toFixed(2),
    row.memoryBytes === null ? '-' : bytesText(row.memoryBytes), `${row.memoryMiB} MiB`, durationText(row.runningSeconds),
  ]);
  return head + table(
    [{ title: 'ID' }, { title: 'IMAGE' }, { title: 'STATE' }, { title: 'VCPUS', align: 'right' }, { title: 'MEMORY', align: 'right' }, { title: 'OF', align: 'right' }, { title: 'RUNNING', align: 'right' }],
    cells, (cell, column) => (column === 2 ? context.style(stateColour(cell), cell) : cell),
  );
}
