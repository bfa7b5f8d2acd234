import { callApi } from '../../../src/daemon/remote.js';
import type { Service } from './service.js';

/** GET of an operation that is ours, and in no SDK. */
export function ask({ config, daemon }: Service, path: string): Promise<unknown> {
  return callApi({ apiUrl: daemon.apiUrl, key: daemon.credentials, region: config.region, caFile: undefined }, 'GET', path);
}
