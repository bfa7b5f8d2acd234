/** `tardigrade gc`: frees what nothing needs any more. */
import type { Context } from '../context.js';
import { table } from '../output/table.js';
import { bytesText } from '../output/units.js';

export async function gc(context: Context, { dryRun }: { readonly dryRun?: boolean }): Promise<void> {
  const garbage = await (await context.api()).collectGarbage(dryRun ?? false);
  context.result(garbage, () => {
    const rows = garbage.removed.map(({ kind, count, bytes }) => [kind.replaceAll('-', ' '), String(count), bytesText(bytes)]);
    const total = `${garbage.dryRun ? 'Would free' : 'Freed'} ${bytesText(garbage.bytes)}${garbage.dryRun ? '; without --dry-run it is done' : ''}\n`;
    return `${rows.length === 0 ? '' : table([{ title: 'WHAT' }, { title: 'COUNT', align: 'right' }, { title: 'BYTES', align: 'right' }], rows)}${total}`;
  });
}
