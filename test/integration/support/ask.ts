import { localGet } from '../../../src/daemon/local-api.js';
import type { Service } from './service.js';

/** GET of an operation that is ours, and in no SDK. */
export function ask({ config, daemon }: Service, path: string): Promise<unknown> {
  return localGet({ ...config, apiPort: Number(new URL(daemon.apiUrl).port) }, path);
}
