import type { EventRecord } from '../store/contracts.js';
import type { EventEnvelope } from './contracts.js';

export function envelopeOf({ id, type, accountId, at, resources, detail }: EventRecord, region: string): EventEnvelope {
  return {
    version: '0',
    id,
    'detail-type': type,
    source: 'tardigrade.microvms',
    account: accountId,
    time: `${new Date(at).toISOString().slice(0, 19)}Z`,
    region,
    resources,
    detail,
  };
}
