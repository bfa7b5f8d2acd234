/** `tardigrade restore <file>`. */
import type { Contents } from '../backup/contracts.js';
import type { Config } from '../config/config.js';
import { restoreFrom } from '../daemon/backup.js';
import { OperatorError } from '../errors/index.js';
import { createProgress } from './progress.js';

export function unitsOf({ units }: Pick<Contents, 'units'>): string {
  const of = (wanted: string): number => units.filter(({ kind }) => kind === wanted).length;
  return `${of('version')} versions of images, ${of('microvm')} suspended MicroVMs`;
}

export async function restore(args: readonly string[], config: Config, write: (text: string) => void): Promise<void> {
  const [file, ...rest] = args;
  if (file === undefined || file.startsWith('-') || rest.length > 0) throw new OperatorError('restore needs the backup, e.g. tardigrade restore /mnt/backups/monday.tar.zst');
  const found = await createProgress().step(`restore ${file} into ${config.dataDir}`, () => restoreFrom(config, file));
  const vmms = [...new Set(found.units.flatMap(({ vmm }) => vmm ?? []))];
  write(`${config.dataDir} is as it was at ${found.createdAt}: ${unitsOf(found)}.\n`);
  if (vmms.length > 0) write(`They need ${vmms.join(' or ')} and the same model of CPU; on another host build the images anew (docs/upgrading.md).\n`);
  if (found.running.length > 0) write(`${found.running.length} MicroVMs were not suspended, and will be TERMINATED at the start.\n`);
}
