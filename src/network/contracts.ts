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
  /** Guest MAC at its boot, the same in each. */
  readonly guestMac: string;
  /** Address on the host side at which the guest's agent port is reached; unique per link. */
  readonly host: string;
  /** Frames for the guest go to this MAC from now on; a guest tells of a new one by ARP itself. */
  expect(mac: string): Promise<void>;
  /** Removes the namespace with all in it. Idempotent. */
  release(): Promise<void>;
}

export interface LinkOptions {
  /** May the guest reach the outside world? DNS and TCP only. */
  readonly internet: boolean;
}

export interface LinkPool {
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
  /** TCP port of the guest agent on guestIp. */
  agentPort: 1024,
} as const;
