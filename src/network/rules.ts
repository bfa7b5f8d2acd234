/**
 * nftables rules. Two places:
 *
 * - in each link's namespace: the host reaches the guest's agent and nothing else; the guest reaches DNS and, if its
 *   link has internet, TCP. UDP other than DNS is dropped, as reported of AWS's default egress. Unknown: default-egress
 * - on the host, one table for all links: guests never reach each other, the host's own services or denied ranges.
 */
import { GUEST_NET, type GuestServices } from './contracts.js';

export interface HostRules {
  readonly table: string;
  /** Names of this pool's interfaces start with it. */
  readonly interfacePrefix: string;
  readonly linkCidr: string;
  readonly egressDeny: readonly string[];
  /** Only this user may connect to guests' agents. */
  readonly uid: number;
  readonly services: GuestServices | undefined;
}

/** New connections of one guest to the daemon's services: what is beyond never costs the daemon anything. */
const SERVICE_RATE = '200/second burst 400 packets';

/** Dropping a table first makes the script idempotent; `add` before makes the drop safe. */
export function hostRules(r: HostRules): string {
  const from = `iifname "${r.interfacePrefix}*"`;
  const deny = [r.linkCidr, ...r.egressDeny].join(', ');
  return `
add table ip ${r.table}
delete table ip ${r.table}
table ip ${r.table} {
  chain input { type filter hook input priority -10; policy accept;
    ${from} ct state established,related accept
    ${r.services === undefined ? '' : `${from} ip daddr ${r.services.address} tcp dport { ${r.services.ports.join(', ')} } accept`}
    ${from} drop
  }
  chain forward { type filter hook forward priority -10; policy accept;
    ${from} ip daddr { ${deny} } drop
    oifname "${r.interfacePrefix}*" ct state != { established, related } drop
  }
  chain output { type filter hook output priority -10; policy accept;
    oifname "${r.interfacePrefix}*" meta skuid != ${r.uid} drop
  }
  chain postrouting { type nat hook postrouting priority 100; policy accept;
    ip saddr ${r.linkCidr} oifname != "${r.interfacePrefix}*" masquerade
  }
}
`;
}

export interface LinkRules {
  readonly tap: string;
  readonly uplink: string;
  readonly internet: boolean;
  readonly resolver: string | undefined;
  readonly services: GuestServices | undefined;
}

export function linkRules(r: LinkRules): string {
  const { guestIp, gatewayIp, agentPort, serviceIp } = GUEST_NET;
  const ports = r.services === undefined ? '' : `tcp dport { ${r.services.ports.join(', ')} }`;
  return `
table ip link {
  chain prerouting { type nat hook prerouting priority -100; policy accept;
    iifname "${r.uplink}" tcp dport ${agentPort} dnat to ${guestIp}:${agentPort}
    ${r.resolver === undefined ? '' : `iifname "${r.tap}" ip daddr ${gatewayIp} meta l4proto { tcp, udp } th dport 53 dnat to ${r.resolver}:53`}
    ${r.services === undefined ? '' : `iifname "${r.tap}" ip daddr ${serviceIp} ${ports} dnat to ${r.services.address}`}
  }
  chain postrouting { type nat hook postrouting priority 100; policy accept;
    oifname "${r.tap}" snat to ${gatewayIp}
    oifname "${r.uplink}" masquerade
  }
  chain hops { type filter hook forward priority -150; policy accept;
    ${r.services === undefined ? '' : `iifname "${r.uplink}" ip saddr ${r.services.address} ip ttl set ${r.services.hopLimit}`}
  }
  chain input { type filter hook input priority 0; policy drop; }
  chain forward { type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "${r.uplink}" oifname "${r.tap}" ip daddr ${guestIp} tcp dport ${agentPort} accept
    iifname "${r.tap}" ip saddr != ${guestIp} drop
    ${r.services === undefined ? '' : `iifname "${r.tap}" ip daddr ${r.services.address} ${ports} ct state new limit rate over ${SERVICE_RATE} drop`}
    ${r.services === undefined ? '' : `iifname "${r.tap}" ip daddr ${r.services.address} ${ports} accept`}
    ${r.internet && r.resolver !== undefined ? `iifname "${r.tap}" ip daddr ${r.resolver} meta l4proto { tcp, udp } th dport 53 accept` : ''}
    ${r.internet ? `iifname "${r.tap}" meta l4proto tcp accept` : ''}
  }
}
`;
}
