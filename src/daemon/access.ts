/** How a client on this host reaches the service of a data folder. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.js';
import { loadOrCreateCredentials } from '../keys/credentials.js';
import type { LogReader } from '../logs/contracts.js';
import { createFileLog } from '../logs/file-log.js';

export interface LocalAccess {
  readonly apiUrl: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  readonly caFile: string | undefined;
}

/** Works before the first start too: the keys are made then. */
export async function localAccess(config: Config): Promise<LocalAccess> {
  const [first] = await loadOrCreateCredentials(config.dataDir);
  if (first === undefined) throw new Error('no credentials');
  const caFile = join(config.dataDir, 'keys', 'ca.pem');
  const hasCa = await access(caFile).then(() => true, () => false);
  return {
    apiUrl: `http://${config.apiHost.includes(':') ? `[${config.apiHost}]` : config.apiHost}:${config.apiPort}`,
    accessKeyId: first.accessKeyId,
    secretAccessKey: first.secretAccessKey,
    region: config.region,
    caFile: hasCa ? caFile : undefined,
  };
}

/** The log streams of a data folder, readable while its daemon runs. */
export function localLogs(config: Config): LogReader {
  return createFileLog(join(config.dataDir, 'logs'));
}
