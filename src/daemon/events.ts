/** The events layer, put together: what is recorded, who reads it, and who is told. */
import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import type { Config } from '../config/config.js';
import { messageOf } from '../errors/index.js';
import type { BuildStepEvent, EventFeed } from '../events/contracts.js';
import { logEvent } from '../events/event-log.js';
import { createFeed } from '../events/feed.js';
import { followEvents } from '../events/follower.js';
import { EventHub } from '../events/hub.js';
import { startPruner } from '../events/pruner.js';
import { recordEvents } from '../events/recorder.js';
import { startWebhooks } from '../events/webhook/webhooks.js';
import type { Metrics } from '../metrics/contracts.js';
import type { Store } from '../store/contracts.js';

export interface EventsParts {
  readonly config: Pick<Config, 'region' | 'eventHours' | 'eventsPerAccount' | 'webhooks'>;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface Events {
  /** For every layer that changes states. */
  readonly store: Store;
  readonly feed: EventFeed;
  readonly buildStep: (step: BuildStepEvent) => void;
  close(): Promise<void>;
}

/** To be ended after whatever changes states, and before the store is closed. Throws OperatorError when webhooks cannot be signed. */
export async function startEvents({ config, store, clock, logger, metrics }: EventsParts): Promise<Events> {
  const failed = (what: string) => (error: unknown) => logger.warn({ error: messageOf(error) }, what);
  const hub = new EventHub(clock);
  const { region } = config;
  const recorder = recordEvents({ store, clock, region, logger, announce: (accountId) => hub.announce(accountId) });
  const webhooks = config.webhooks === undefined ? undefined : await startWebhooks({ ...config.webhooks, region, store, hub, clock, metrics, logger });
  const stopPruning = startPruner(store, clock, { hours: config.eventHours, events: config.eventsPerAccount }, failed('old events could not be removed'));
  const stopFollowing = followEvents(store, hub, (event) => {
    logEvent(logger, event);
    metrics.event(event.type);
  }, failed('events could not be read'));
  return {
    store: recorder.store,
    feed: createFeed(store, hub, region),
    buildStep: (step) => recorder.buildStep(step),
    async close() {
      stopPruning();
      stopFollowing();
      await webhooks?.close();
    },
  };
}
