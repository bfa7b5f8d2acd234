/** Signed reads from the running service of a data folder, for the command line. */
import type { Config } from '../config/config.js';
import { callApi, hostAccess } from './remote.js';

/** The answer's JSON. Throws as {@link callApi}. */
export async function localGet(config: Config, path: string, query: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const search = new URLSearchParams(query).toString();
  return callApi(await hostAccess(config), 'GET', search === '' ? path : `${path}?${search}`);
}
