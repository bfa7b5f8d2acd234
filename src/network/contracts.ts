/**
 * What the rest of the program knows of guest networking.
 *
 * - link: one network namespace, one tap in it and one veth pair out of it, for one VM at a time.
 * - Every guest has the same address and MAC, so that a snapshot fits any link; the namespace translates.
 */
export interface Link {
  /** Path that `nsenter --net=` takes, e.g. `/run/netns/tdg-…`. */
  readonly netnsPath: string;
  /** Tap device inside the namespace, the same name in each. */
  readonly tap: string;
  /** Guest MAC, the same in each. */
  readonly guestMac: string;
  /** Address on the host side at which the guest's agent port is reached; unique per link. */
  readonly host: string;
  /** Removes the namespace with all in it. Idempotent. */
  release(): Promise<void>;
}

export interface LinkOptions {
  /** May the guest reach the outside world? DNS and TCP only. */
  readonly internet: boolean;
}

/** Services of the daemon that guests reach at one address, whatever their egress: the metadata service, perhaps the API. */
export interface GuestServices {
  /** On the host: where the daemon listens. */
  readonly address: string;
  /** Ports of it that are open to guests, at {@link GUEST_NET.serviceIp} too. */
  readonly ports: readonly number[];
  /** Hops that answers live from the guest's link on: 1 is the guest itself. */
  readonly hopLimit: number;
}

export interface LinkPool {
  /** Absent when none were asked for. */
  readonly services?: GuestServices | undefined;
  /** A link ready for use; from the pool when one is waiting (microseconds), else made now (tens of ms). */
  acquire(options: LinkOptions): Promise<Link>;
  /**
   * The link of that namespace which an earlier pool of this owner left; undefined when it is none, or not whole. To
   * be called before {@link sweep}.
   */
  adopt(netnsPath: string): Link | undefined;
  /** Removes what an earlier pool left and nobody adopted. */
  sweep(): Promise<void>;
  /** Releases links nobody took; links in use stay with their owners, and with `keepRules` what they need. */
  close(options?: { readonly keepRules?: boolean }): Promise<void>;
}

/** Fixed addressing inside every guest; the agent learns it from the host. */
export const GUEST_NET = {
  guestIp: '172.31.255.2',
  gatewayIp: '172.31.255.1',
  prefix: 30,
  guestMac: '02:54:44:47:00:02',
  gatewayMac: '02:54:44:47:00:01',
  /** Where a guest finds the daemon's services. */
  serviceIp: '169.254.169.254',
  metadataPort: 80,
  /** Of the API, where guests may reach it. */
  apiPort: 7400,
  /** TCP port of the guest agent on guestIp. */
  agentPort: 1024,
} as const;
