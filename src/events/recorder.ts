/**
 * Writes an event in the transaction that makes its change durable: what is rolled back was never an event, and what is
 * durable always is one. So it stands in the store's place, and whoever changes a state need not know of it.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import { messageOf } from '../errors/index.js';
import type { EventType, ImageState, MicrovmRecord, Store, VersionState } from '../store/contracts.js';
import type { BuildStepEvent } from './contracts.js';

export interface RecorderDeps {
  readonly store: Store;
  readonly clock: Pick<Clock, 'now'>;
  readonly region: string;
  /** An event of that account is in the transaction under way. */
  readonly announce: (accountId: string) => void;
  readonly logger: Pick<Logger, 'error'>;
}

export interface Recorder {
  /** As the store given, and writes events beside what it is told to change. */
  readonly store: Store;
  /** Never throws: a build does not fail because nobody can be told of it. */
  buildStep(step: BuildStepEvent): void;
}

interface ImageChange {
  readonly imageArn: string;
  readonly imageVersion: string | null;
  readonly state: ImageState | VersionState;
  readonly previousState: ImageState | VersionState | null;
  readonly stateReason?: string | null | undefined;
}

const accountOf = (arn: string): string => arn.split(':')[4] ?? '';

export function recordEvents(deps: RecorderDeps): Recorder {
  const { store, clock, region, logger } = deps;

  function append(accountId: string, type: EventType, resources: readonly string[], detail: Readonly<Record<string, unknown>>): void {
    store.appendEvent({ accountId, id: randomUUID(), at: clock.now(), type, resources, detail });
    deps.announce(accountId);
  }

  function microvmChanged(vm: MicrovmRecord, previousState: MicrovmRecord['state'] | null): void {
    const { id, accountId, imageArn, imageVersion, state, stateReason = null } = vm;
    append(accountId, 'MicroVM State Change', [`arn:aws:lambda:${region}:${accountId}:microvm:${id}`, imageArn], { microvmId: id, imageArn, imageVersion, state, previousState, stateReason });
  }

  function imageChanged({ imageArn, imageVersion, state, previousState, stateReason = null }: ImageChange): void {
    append(accountOf(imageArn), 'MicroVM Image State Change', [imageArn], { imageArn, imageVersion, state, previousState, stateReason });
  }

  const recording: Store = {
    ...store,
    insertMicrovm: (vm, payload) => store.transaction(() => {
      store.insertMicrovm(vm, payload);
      microvmChanged(vm, null);
    }),
    updateMicrovm(id, change) {
      // Without a state it comes with every request to an endpoint, and says nothing.
      if (change.state === undefined) return store.updateMicrovm(id, change);
      store.transaction(() => {
        const before = store.getMicrovm(id);
        store.updateMicrovm(id, change);
        if (before !== undefined && before.state !== change.state) microvmChanged({ ...before, ...change }, before.state);
      });
    },
    insertImage: (image) => store.transaction(() => {
      store.insertImage(image);
      imageChanged({ imageArn: image.arn, imageVersion: null, state: image.state, previousState: null });
    }),
    updateImage: (imageArn, change) => store.transaction(() => {
      const before = store.getImage(imageArn);
      store.updateImage(imageArn, change);
      if (before !== undefined && change.state !== undefined && before.state !== change.state) {
        imageChanged({ imageArn, imageVersion: null, state: change.state, previousState: before.state });
      }
    }),
    insertVersion: (version) => store.transaction(() => {
      store.insertVersion(version);
      imageChanged({ imageArn: version.imageArn, imageVersion: version.version, state: version.state, previousState: null });
    }),
    updateVersion: (imageArn, version, change) => store.transaction(() => {
      const before = store.getVersion(imageArn, version);
      store.updateVersion(imageArn, version, change);
      if (before !== undefined && change.state !== undefined && before.state !== change.state) {
        imageChanged({ imageArn, imageVersion: version, state: change.state, previousState: before.state, stateReason: change.stateReason });
      }
    }),
    deleteVersion: (imageArn, version) => store.transaction(() => {
      const before = store.getVersion(imageArn, version);
      store.deleteVersion(imageArn, version);
      if (before !== undefined) imageChanged({ imageArn, imageVersion: version, state: 'DELETED', previousState: before.state });
    }),
    deleteImage: (imageArn) => store.transaction(() => {
      const before = store.getImage(imageArn);
      for (const { version } of versionsOf(imageArn)) recording.deleteVersion(imageArn, version);
      store.deleteImage(imageArn);
      if (before !== undefined) imageChanged({ imageArn, imageVersion: null, state: 'DELETED', previousState: before.state });
    }),
  };

  function versionsOf(imageArn: string): { readonly version: string }[] {
    const found: { readonly version: string }[] = [];
    for (let after: string | undefined; ;) {
      const page = store.listVersions(imageArn, { limit: 100, after });
      found.push(...page.items);
      if (page.next === undefined) return found;
      after = page.next;
    }
  }

  return {
    store: recording,
    buildStep({ accountId, ...detail }) {
      try {
        append(accountId, 'MicroVM Image Build Step', [detail.imageArn], { ...detail });
      } catch (error) {
        logger.error({ build: detail.buildId, image: detail.imageArn, error: messageOf(error) }, 'the event of a build step could not be recorded');
      }
    },
  };
}
