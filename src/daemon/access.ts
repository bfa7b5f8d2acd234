/** How a client on this host reaches the service of a data folder. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.js';
import { loadOrCreateCredentials } from '../keys/credentials.js';
import type { LogStore } from '../logs/contracts.js';
import { createLogStore } from '../logs/store.js';

export interface LocalAccess {
  readonly apiUrl: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  readonly caFile: string | undefined;
}

/** An IPv6 address stands in brackets. */
export function apiUrlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Works before the first start too: the keys are made then. */
export async function localAccess(config: Config): Promise<LocalAccess> {
  const [first] = await loadOrCreateCredentials(config.dataDir);
  if (first === undefined) throw new Error('no credentials');
  const caFile = join(config.dataDir, 'keys', 'ca.pem');
  const hasCa = await access(caFile).then(() => true, () => false);
  return {
    apiUrl: apiUrlOf(config.apiHost, config.apiPort),
    accessKeyId: first.accessKeyId,
    secretAccessKey: first.secretAccessKey,
    region: config.region,
    caFile: hasCa ? caFile : undefined,
  };
}

/** The logs of a data folder as they are now, readable while its daemon runs; to see newer events ask for a new one. */
export function localLogs(config: Config): Pick<LogStore, 'streams' | 'streamPage'> {
  return createLogStore(join(config.dataDir, 'logs'), { retentionInDays: config.logRetentionDays });
}
