/**
 * What the rest of the program knows of guest networking.
 *
 * - link: one network namespace, one tap in it and one veth pair out of it, for one VM at a time.
 * - Every guest has the same address and MAC, so that a snapshot fits any link; the namespace translates.
 */
export { isRange, narrower } from './ranges.js';

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

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** Destinations by protocol and ports; no ports means all, and `all` and `icmp` have none. */
export interface Destination {
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'all';
  readonly ports: readonly PortRange[];
}

export interface NetworkRule extends Destination {
  readonly cidr: string;
}

/** Opens the addresses that a name was resolved to, for as long as the answer holds. */
export interface NameRule extends Destination {
  /** Lower case, without a dot at the end: `example.com` that name alone, `*.example.com` all below it, `*` every name. */
  readonly name: string;
  /** Only addresses in these networks are opened. */
  readonly within: readonly string[];
}

/** What a guest may reach besides the services of {@link GuestServices}. What nothing allows is dropped. */
export interface EgressPolicy {
  /** TCP to everything that is not denied to all guests. */
  readonly internet: boolean;
  readonly networks: readonly NetworkRule[];
  /** Which names its resolver answers: any, or those the rules open. */
  readonly names: 'any' | readonly NameRule[];
}

/** TCP anywhere, any name. Unknown: default-egress */
export const INTERNET: EgressPolicy = { internet: true, networks: [], names: 'any' };
/** Nothing, no names either. */
export const NO_EGRESS: EgressPolicy = { internet: false, networks: [], names: [] };

/** Who has a link, for the log of its connections. */
export interface LinkUser {
  readonly id: string;
  readonly accountId: string;
}

export interface LinkOptions {
  readonly egress: EgressPolicy;
  /** Absent: its connections are in no log. */
  readonly user?: LinkUser;
}

/** Services of the daemon that guests reach at one address, whatever their egress: resolver, metadata, perhaps the API. */
export interface GuestServices {
  /** On the host: where the daemon listens, at {@link servicePort} of each port. */
  readonly address: string;
  /** TCP ports of {@link GUEST_NET.serviceIp} that are open to guests. DNS is besides, at the resolvers' addresses. */
  readonly ports: readonly number[];
  /** Hops that answers from these ports live from the guest's link on: 1 is the guest itself. */
  readonly hopLimit: number;
}

export interface LinkPool {
  /** Absent when none were asked for. */
  readonly services?: GuestServices | undefined;
  /** A link ready for use; from the pool when one is waiting (microseconds for INTERNET, else one command), else made now. */
  acquire(options: LinkOptions): Promise<Link>;
  /**
   * The link of that namespace which an earlier pool of this owner left; undefined when it is none, or not whole. To
   * be called before {@link sweep}, which waits until its policy is in force; until then it opens no new connection.
   */
  adopt(netnsPath: string, options: LinkOptions): Link | undefined;
  /** Removes what an earlier pool left and nobody adopted. */
  sweep(): Promise<void>;
  /** What the link is used for whose {@link Link.host} that is. */
  usedFor(host: string): LinkOptions | undefined;
  /** Opens the addresses a name was resolved to, by the rules of the link's policy for that name, for so many seconds. */
  opened(host: string, name: string, addresses: readonly string[], seconds: number): Promise<void>;
  /** Releases links nobody took; links in use stay with their owners, and with `keepRules` what they need. */
  close(options?: { readonly keepRules?: boolean }): Promise<void>;
}

/**
 * Port of the host at which a service is that guests find at another: what the host itself serves on 80 or 53 of all
 * its addresses is not in the way.
 */
export function servicePort(port: number): number {
  return 24_000 + port;
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
  /** Where it finds its resolver: the gateway, and the two addresses AWS has for it. */
  resolvers: ['172.31.255.1', '169.254.53.53', '169.254.169.253'],
  dnsPort: 53,
  /** Of the API, where guests may reach it. */
  apiPort: 7400,
  /** TCP port of the guest agent on guestIp. */
  agentPort: 1024,
} as const;
