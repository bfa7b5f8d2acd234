/**
 * nftables rules of one link's namespace, the same in each: what a guest may say at all, and how fast. Where to is the
 * host's to decide (host-rules.ts), where the guest's connections have the address of their link.
 */
import { GUEST_NET, type GuestServices, servicePort } from './contracts.js';

/** What one guest may use of the host's network, so that none starves the others. */
export interface LinkLimits {
  /** Packets a second from the guest; a second's worth at once. */
  readonly packets: number;
  /** New connections a second from the guest; two seconds' worth at once. */
  readonly newConnections: number;
  /** Connections of the guest that are tracked at once. */
  readonly connections: number;
  /** KiB a second, each way; absent: no limit. */
  readonly bandwidthKiB?: number | undefined;
}

/** ARP requests a second: a guest asks for its one gateway now and then. */
const ARP_PER_SECOND = 20;
/** Datagrams to resolvers a second. The daemon has a limit of its own, below; what is beyond must not cost it even the reading. */
const QUERIES_PER_SECOND = 200;
/** First byte of every guest's MAC, the one at its boot and those that MicroVMs take: locally administered. */
const MAC_PREFIX = '02';

export interface LinkRules {
  readonly tap: string;
  readonly uplink: string;
  readonly limits: LinkLimits;
  readonly services: GuestServices | undefined;
}

export function linkRules(r: LinkRules): string {
  const { guestIp, gatewayIp, gatewayMac, agentPort, serviceIp, resolvers, dnsPort } = GUEST_NET;
  const { packets, newConnections, connections } = r.limits;
  const services = r.services;
  const translate = services === undefined ? [] : [
    ...services.ports.map((port) => `iifname "${r.tap}" ip daddr ${serviceIp} tcp dport ${port} dnat to ${services.address}:${servicePort(port)}`),
    `iifname "${r.tap}" ip daddr { ${resolvers.join(', ')} } meta l4proto { tcp, udp } th dport ${dnsPort} dnat to ${services.address}:${servicePort(dnsPort)}`,
  ];
  const hops = services === undefined || services.ports.length === 0 ? '' :
    `iifname "${r.uplink}" ip saddr ${services.address} tcp sport { ${services.ports.map(servicePort).join(', ')} } ip ttl set ${services.hopLimit}`;
  return `
table netdev guest {
  chain tap { type filter hook ingress device "${r.tap}" priority -500; policy drop;
    ether saddr & ff:00:00:00:00:00 != ${MAC_PREFIX}:00:00:00:00:00 drop
    ether saddr ${gatewayMac} drop
    ether type arp arp saddr ip ${guestIp} arp saddr ether != ${gatewayMac} limit rate ${ARP_PER_SECOND}/second burst ${2 * ARP_PER_SECOND} packets accept
    ether type != ip drop
    ip saddr != ${guestIp} drop
    udp dport ${dnsPort} limit rate over ${QUERIES_PER_SECOND}/second burst ${2 * QUERIES_PER_SECOND} packets drop
    limit rate ${packets}/second burst ${packets} packets accept
  }
}
table ip6 link {
  chain input { type filter hook input priority 0; policy drop; }
  chain forward { type filter hook forward priority 0; policy drop; }
  chain output { type filter hook output priority 0; policy drop; }
}
table ip link {
  chain prerouting { type nat hook prerouting priority -100; policy accept;
    iifname "${r.uplink}" tcp dport ${agentPort} dnat to ${guestIp}:${agentPort}
    ${translate.join('\n    ')}
  }
  chain postrouting { type nat hook postrouting priority 100; policy accept;
    oifname "${r.tap}" snat to ${gatewayIp}
    oifname "${r.uplink}" masquerade
  }
  chain hops { type filter hook forward priority -150; policy accept;
    ${hops}
  }
  chain input { type filter hook input priority 0; policy drop; }
  chain forward { type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "${r.uplink}" oifname "${r.tap}" ip daddr ${guestIp} tcp dport ${agentPort} accept
    iifname != "${r.tap}" drop
    ct state != new drop
    limit rate over ${newConnections}/second burst ${2 * newConnections} packets drop
    meta l4proto tcp tcp flags & (fin|syn|rst|ack) != syn reject with tcp reset
    ct count over ${connections} drop
    oifname "${r.uplink}" accept
  }
  chain output { type filter hook output priority 0; policy drop;
    oifname "${r.tap}" tcp flags & rst == rst accept
  }
}
`;
}
