/** `tardigrade backup <file>`. */
import { stat } from 'node:fs/promises';
import type { Config } from '../../config/config.js';
import { backupTo } from '../../daemon/backup.js';
import type { Context } from '../context.js';
import { createProgress } from '../progress.js';
import { unitsOf } from './restore.js';

const MIB = 1024 * 1024;

export async function backup(context: Pick<Context, 'result'>, config: Config, file: string): Promise<void> {
  const made = await createProgress().step(`back up ${config.dataDir}`, () => backupTo(config, file));
  const { size } = await stat(made.file);
  context.result({ file: made.file, bytes: size, units: made.units, notSuspended: made.running }, () => [
    `${made.file}: ${(size / MIB).toFixed(1)} MiB, ${unitsOf(made)}. It holds secret keys: keep it as safe as them.\n`,
    made.running.length === 0 ? '' : `Not in it are ${made.running.length} MicroVMs that are not suspended, which would be TERMINATED once restored: ${made.running.join(', ')}\n`,
  ].join(''));
}
