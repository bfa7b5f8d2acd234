/**
 * nftables rules of the host, one table for all links of a pool: guests never reach each other, this host, or denied
 * ranges; where else to is a chain of each link, found by its interface. A link without one reaches nothing.
 */
import { GUEST_NET, type GuestServices, servicePort } from './contracts.js';

/** Of each new connection; the group is where a reader listens. */
export interface AuditRules {
  readonly group: number;
  readonly verdicts: readonly ('allow' | 'deny')[];
}

export interface HostRules {
  readonly table: string;
  /** Names of this pool's interfaces start with it. */
  readonly interfacePrefix: string;
  readonly linkCidr: string;
  readonly egressDeny: readonly string[];
  /** Only this user may connect to guests' agents. */
  readonly uid: number;
  readonly services: GuestServices | undefined;
  readonly audit: AuditRules | undefined;
}

/** No destinations of anybody: this network, loopback, link-local, multicast and reserved. */
export const NEVER = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'] as const;

/** Log lines a second of one guest: what is over is not logged, and nobody else's is lost for it. */
const AUDIT_PER_SECOND = 20;

/** Dropping a table first makes the script idempotent; `add` before makes the drop safe. */
export function hostRules(r: HostRules): string {
  const prefix = `"${r.interfacePrefix}*"`;
  const never = [...NEVER, r.linkCidr, ...r.egressDeny].join(', ');
  const open = r.services === undefined ? [] : [
    `ip daddr ${r.services.address} tcp dport { ${[...r.services.ports, GUEST_NET.dnsPort].map(servicePort).join(', ')} } accept`,
    `ip daddr ${r.services.address} udp dport ${servicePort(GUEST_NET.dnsPort)} accept`,
  ];
  const log = (verdict: 'allow' | 'deny') => (r.audit?.verdicts.includes(verdict) === true
    ? `meta nfproto ipv4 update @audited_${verdict} { ip saddr limit rate ${AUDIT_PER_SECOND}/second burst ${5 * AUDIT_PER_SECOND} packets } log prefix "${verdict}" group ${r.audit.group} snaplen 64`
    : '');
  return `
add table inet ${r.table}
delete table inet ${r.table}
table inet ${r.table} {
  map egress { type ifname : verdict; }
  set never { type ipv4_addr; flags interval; auto-merge; elements = { ${never} }; }
  set audited_allow { type ipv4_addr; size 65535; flags dynamic,timeout; timeout 1m; }
  set audited_deny { type ipv4_addr; size 65535; flags dynamic,timeout; timeout 1m; }
  chain allowed {
    ${log('allow')}
    accept
  }
  chain denied {
    ${log('deny')}
    drop
  }
  chain internet {
    meta nfproto ipv4 meta l4proto tcp goto allowed
  }
  chain prerouting { type filter hook prerouting priority -150; policy accept;
    iifname != ${prefix} accept
    meta nfproto != ipv4 drop
    fib saddr . iif oif missing drop
    ct state established,related accept
    ${open.join('\n    ')}
    fib daddr type != unicast goto denied
  }
  chain input { type filter hook input priority -10; policy accept;
    ${r.services === undefined ? '' : `iifname != "lo" iifname != ${prefix} ip daddr ${r.services.address} drop`}
    iifname != ${prefix} accept
    ct state established,related accept
    ${open.join('\n    ')}
    drop
  }
  chain forward { type filter hook forward priority -10; policy accept;
    oifname ${prefix} ct state { established, related } accept
    oifname ${prefix} iifname ${prefix} goto denied
    oifname ${prefix} drop
    iifname != ${prefix} accept
    ct state established,related accept
    ct state != new drop
    ip daddr @never goto denied
    iifname vmap @egress
    goto denied
  }
  chain output { type filter hook output priority -10; policy accept;
    oifname ${prefix} meta skuid != ${r.uid} drop
  }
  chain postrouting { type nat hook postrouting priority 100; policy accept;
    ip saddr ${r.linkCidr} oifname != ${prefix} masquerade
  }
}
`;
}
