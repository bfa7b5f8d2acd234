/** `tardigrade backup <file>`. */
import { stat } from 'node:fs/promises';
import type { Config } from '../config/config.js';
import { backupTo } from '../daemon/backup.js';
import { OperatorError } from '../errors/index.js';
import { createProgress } from './progress.js';
import { unitsOf } from './restore.js';

const MIB = 1024 * 1024;

export async function backup(args: readonly string[], config: Config, write: (text: string) => void): Promise<void> {
  const [file, ...rest] = args;
  if (file === undefined || file.startsWith('-') || rest.length > 0) throw new OperatorError('backup needs a file to write, e.g. tardigrade backup /mnt/backups/monday.tar.zst');
  const made = await createProgress().step(`back up ${config.dataDir}`, () => backupTo(config, file));
  const { size } = await stat(made.file);
  write(`${made.file}: ${(size / MIB).toFixed(1)} MiB, ${unitsOf(made)}. It holds secret keys: keep it as safe as them.\n`);
  if (made.running.length > 0) write(`Not in it are ${made.running.length} MicroVMs that are not suspended, which would be TERMINATED once restored: ${made.running.join(', ')}\n`);
}
