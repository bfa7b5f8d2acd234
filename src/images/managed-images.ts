/**
 * The managed images of this server: the guest operating system beneath every image's container. There is one, under
 * AWS's name so that clients need no change; it is our Debian 12 guest (Debian kernel and our agent), not Amazon Linux.
 * What a Dockerfile names in FROM is another matter and is the builder's. Unknown: managed-image
 */
import type { ManagedImage } from './contracts.js';

/** When the service was launched; our managed image has no history of its own. ms since 1970. */
const RELEASED = Date.UTC(2026, 5, 22);

export function managedImages(region: string): readonly ManagedImage[] {
  return [
    {
      imageArn: `arn:aws:lambda:${region}:aws:microvm-image:al2023-1`,
      versions: [{ version: '1', createdAt: RELEASED }],
      createdAt: RELEASED,
    },
  ];
}
