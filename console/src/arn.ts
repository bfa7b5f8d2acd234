import type { SessionInfo } from './api/client.js';

export function imageArn({ region, accountId }: SessionInfo, name: string): string {
  return `arn:aws:lambda:${region}:${accountId}:microvm-image:${name}`;
}

/** One of AWS's own connectors. */
export function managedConnector({ region }: SessionInfo, name: string): string {
  return `arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`;
}

/** Ours, which opens nothing. */
export function noEgress({ region }: SessionInfo): string {
  return `arn:aws:lambda:${region}:tardigrade:network-connector:tardigrade-network-connector:NO_EGRESS`;
}

/** A request that is sent twice makes one thing. */
export function newClientToken(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
