import type { Store } from '../../store/contracts.js';
import { Delivery, type DeliveryDeps } from './delivery.js';
import { postEvent } from './post.js';
import { readSecrets } from './sign.js';

export interface WebhooksDeps extends Omit<DeliveryDeps, 'target' | 'store' | 'post'> {
  readonly urls: readonly string[];
  readonly secretFile: string;
  readonly region: string;
  readonly store: Store;
}

export interface Webhooks {
  close(): Promise<void>;
}

/**
 * Tells each URL of every event, each at its own pace. One that is new begins with what happens from now on; one that is
 * no longer named is forgotten. Throws OperatorError when the secret cannot be used.
 */
export async function startWebhooks(deps: WebhooksDeps): Promise<Webhooks> {
  const { urls, secretFile, region, store, clock } = deps;
  await readSecrets(secretFile);
  const known = new Map(store.deliveries().map((delivery) => [delivery.target, delivery]));
  for (const target of known.keys()) if (!urls.includes(target)) store.forgetDelivery(target);
  const all = urls.map((url) => {
    const from = known.get(url) ?? { position: store.lastEventPosition(), tries: 0 };
    const post = { url, region, secrets: () => readSecrets(secretFile), now: () => clock.now() };
    return new Delivery({ ...deps, target: url, post: (event, signal) => postEvent(post, event, signal) }, from);
  });
  return {
    async close() {
      await Promise.all(all.map((delivery) => delivery.close()));
    },
  };
}
