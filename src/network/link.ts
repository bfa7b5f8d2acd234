/**
 * One link: a namespace with a tap for the VMM and a veth pair to the host.
 *
 *   host ── veth ──┤ namespace: address translation, rules ├── tap ── guest 172.31.255.2
 */
import { access } from 'node:fs/promises';
import { GUEST_NET, type GuestServices, type Link } from './contracts.js';
import type { LinkAddresses } from './addresses.js';
import { configure, ip, shape } from './commands.js';
import { linkRules, type LinkLimits } from './link-rules.js';

export interface LinkPlan {
  readonly netns: string;
  /** Host end of the veth pair, at most 15 characters. */
  readonly uplink: string;
  readonly addresses: LinkAddresses;
  readonly limits: LinkLimits;
  readonly services: GuestServices | undefined;
}

const TAP = 'tap0';
const NETNS_UPLINK = 'up0';

/** Makes everything or, when a step fails, leaves nothing. */
export async function makeLink(plan: LinkPlan): Promise<void> {
  const { netns, uplink, addresses } = plan;
  try {
    await ip([
      `netns add ${netns}`,
      `link add ${uplink} type veth peer name ${NETNS_UPLINK} netns ${netns}`,
      `addr add ${addresses.host}/31 dev ${uplink}`,
      // No address of IPv6.
      `link set ${uplink} addrgenmode none`,
      `link set ${uplink} up`,
    ]);
    await ip(
      [
        'link set lo up',
        `addr add ${addresses.peer}/31 dev ${NETNS_UPLINK}`,
        `link set ${NETNS_UPLINK} up`,
        `route add default via ${addresses.host}`,
        `tuntap add dev ${TAP} mode tap`,
        // The same MAC and neighbour in each namespace: what a guest remembered at its snapshot stays true.
        `link set ${TAP} address ${GUEST_NET.gatewayMac}`,
        `addr add ${GUEST_NET.gatewayIp}/${GUEST_NET.prefix} dev ${TAP}`,
        `link set ${TAP} up`,
        // Known ahead, so that the first packet does not wait for ARP; not for good: a clone takes a MAC of its own.
        `neigh add ${GUEST_NET.guestIp} lladdr ${GUEST_NET.guestMac} dev ${TAP} nud reachable`,
      ],
      netns,
    );
    await configure(netns, linkRules({ tap: TAP, uplink: NETNS_UPLINK, limits: plan.limits, services: plan.services }));
    if (plan.limits.bandwidthKiB !== undefined) await shape(netns, [TAP, NETNS_UPLINK], plan.limits.bandwidthKiB);
  } catch (error) {
    await removeLink(netns, uplink).catch((cleanup: unknown) => {
      throw new AggregateError([error, cleanup], `making network namespace ${netns} failed, and so did removing it`);
    });
    throw error;
  }
}

export function describeLink({ netns, addresses }: Pick<LinkPlan, 'netns' | 'addresses'>): Omit<Link, 'release'> {
  const expect = async (mac: string): Promise<void> => {
    await ip([`neigh replace ${GUEST_NET.guestIp} lladdr ${mac} dev ${TAP} nud reachable`], netns);
  };
  return { netnsPath: `/run/netns/${netns}`, tap: TAP, guestMac: GUEST_NET.guestMac, host: addresses.peer, expect };
}

/**
 * The tap goes with the namespace, some time after `netns del` has returned. So would the veth pair, but its name must
 * be free at once for the next link: it is deleted first.
 */
export async function removeLink(netns: string, uplink: string): Promise<void> {
  const present = await access(`/sys/class/net/${uplink}`).then(() => true, () => false);
  await ip([...(present ? [`link del ${uplink}`] : []), `netns del ${netns}`]);
}
