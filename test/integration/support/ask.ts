import { callApi } from '../../../src/daemon/remote.js';
import type { Service } from './service.js';

/** An operation that is ours, and in no SDK: a POST with a body, else a GET. */
export function ask({ config, daemon }: Service, path: string, body?: object): Promise<unknown> {
  return callApi({ apiUrl: daemon.apiUrl, key: daemon.credentials, region: config.region, caFile: undefined }, body === undefined ? 'GET' : 'POST', path, body);
}
