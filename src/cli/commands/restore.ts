/** `tardigrade restore <file>`. */
import type { Contents } from '../../backup/contracts.js';
import type { Config } from '../../config/config.js';
import { restoreFrom } from '../../daemon/backup.js';
import type { Context } from '../context.js';
import { createProgress } from '../progress.js';

export function unitsOf({ units }: Pick<Contents, 'units'>): string {
  const of = (wanted: string): number => units.filter(({ kind }) => kind === wanted).length;
  return `${of('version')} versions of images, ${of('microvm')} suspended MicroVMs`;
}

export async function restore(context: Pick<Context, 'result'>, config: Config, file: string): Promise<void> {
  const found = await createProgress().step(`restore ${file} into ${config.dataDir}`, () => restoreFrom(config, file));
  const vmms = [...new Set(found.units.flatMap(({ vmm }) => vmm ?? []))];
  context.result({ dataDir: config.dataDir, createdAt: found.createdAt, units: found.units, notSuspended: found.running }, () => [
    `${config.dataDir} is as it was at ${found.createdAt}: ${unitsOf(found)}.\n`,
    vmms.length === 0 ? '' : `They need ${vmms.join(' or ')} and the same model of CPU; on another host build the images anew (docs/upgrading.md).\n`,
    found.running.length === 0 ? '' : `${found.running.length} MicroVMs were not suspended, and will be TERMINATED at the start.\n`,
  ].join(''));
}
