/** What the operator's metrics call the end of a request. */
import type { ProxyOutcome } from '../metrics/contracts.js';
import type { Refusal } from './refusals.js';

export function outcomeOfRefusal({ status, error }: Refusal): ProxyOutcome {
  switch (status) {
    case 400:
      return 'bad-request';
    case 403:
      return 'unauthorized';
    case 429:
      return 'too-many';
    case 500:
      return 'internal';
    case 502:
      // Without a header: a shell's token on a request to the application.
      if (error === undefined) return 'unauthorized';
      return error === 'MICROVM_CONNECT_FAILED' ? 'microvm-unreachable' : 'app-failed';
  }
}

/** By the application's own status. */
export function outcomeOfAnswer(status: number): ProxyOutcome {
  if (status < 300) return '2xx';
  if (status < 400) return '3xx';
  return status < 500 ? '4xx' : '5xx';
}
