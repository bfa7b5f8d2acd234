/** A real store that records events, over a database of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../../src/clock/index.js';
import { EventHub } from '../../../src/events/hub.js';
import { recordEvents, type Recorder } from '../../../src/events/recorder.js';
import type { EventRecord, ImageRecord, MicrovmRecord, Store, VersionRecord } from '../../../src/store/contracts.js';
import { openStore } from '../../../src/store/sqlite/open.js';

export const ACCOUNT = '000000000000';
export const OTHER = '111111111111';
export const REGION = 'eu-central-1';
export const IMAGE = `arn:aws:lambda:${REGION}:${ACCOUNT}:microvm-image:web`;

export const image: ImageRecord = { accountId: ACCOUNT, name: 'web', arn: IMAGE, state: 'CREATING', tags: {}, createdAt: 1, updatedAt: 1 };
export const version = (number: string): VersionRecord => ({
  imageArn: IMAGE, version: number, state: 'PENDING', status: 'INACTIVE', createdAt: 1, updatedAt: 1,
  config: { baseImageArn: 'arn:base', buildRoleArn: 'arn:role', codeArtifact: { uri: 's3://b/k' } },
});
export const microvm = (n: number, over: Partial<MicrovmRecord> = {}): MicrovmRecord => ({
  id: `microvm-${n}`, accountId: ACCOUNT, endpointLabel: `label-${n}`, state: 'PENDING', imageArn: IMAGE, imageVersion: '1.0', maximumDurationInSeconds: 28_800,
  ingressNetworkConnectors: [], egressNetworkConnectors: [], startedAt: 5, startedSteady: 6, resumeOnStart: false, ...over,
});

export interface Recorded {
  readonly hub: EventHub;
  readonly recorder: Recorder;
  readonly store: Store;
  readonly errors: unknown[];
  events(accountId?: string): EventRecord[];
  close(): Promise<void>;
}

export async function recorded(clock: Clock = systemClock): Promise<Recorded> {
  const dir = await mkdtemp(join(tmpdir(), 'events-'));
  const hub = new EventHub(clock);
  const errors: unknown[] = [];
  const recorder = recordEvents({ store: openStore(join(dir, 'records.db')), clock, region: REGION, announce: (account) => hub.announce(account), logger: { error: (...args: unknown[]) => void errors.push(args) } });
  const { store } = recorder;
  return {
    hub, recorder, store, errors,
    events: (accountId = ACCOUNT) => store.eventsOf(accountId, 0, 1000),
    async close() {
      store.close();
      await rm(dir, { recursive: true });
    },
  };
}
