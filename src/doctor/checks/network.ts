/** Ports, the way of guests' packets, and the clock that signatures are checked against. */
import type { Check, Port, Verdict } from '../contracts.js';
import { check, ok } from '../check.js';

export const NETWORK: readonly Check[] = [
  check('ports', 'ports', (ports) => ports.flatMap((port) => [portUse(port), ...(exposed(port) ? [openToNetwork(port)] : [])])),

  check('ip-forwarding', 'forwarding', (on) => ok(on ? 'IPv4 forwarding is on' : 'IPv4 forwarding is off; the daemon turns it on while it runs')),

  check('firewall', 'dropChains', (chains) => {
    if (chains.length === 0) return ok('no other table drops forwarded packets by default');
    return chains.map(({ family, table, chain }) => ({
      level: 'warning' as const,
      seen: `${family} table ${table}: chain ${chain} drops what it forwards by default`,
      why: 'guests\' packets pass our table and theirs: unless a rule there lets them through, guests reach nothing outside, and builds fail at their first download',
      fix: family === 'iptables'
        ? `iptables -I ${chain} -i 'tdg+' -j ACCEPT; iptables -I ${chain} -o 'tdg+' -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`
        : `nft insert rule ${family} ${table} ${chain} iifname "tdg*" accept; nft insert rule ${family} ${table} ${chain} oifname "tdg*" ct state established,related accept`,
    }));
  }),

  check('link-range', 'linkRange', ({ cidr, routes }) => {
    if (routes.length === 0) return ok(`${cidr} is used by nothing else here`);
    return {
      level: 'error',
      seen: `${cidr} overlaps ${routes.map(({ destination, device }) => `${destination} (${device})`).join(', ')}`,
      why: 'each VM takes its addresses on the host from that range, and what else has them becomes unreachable',
      fix: 'set TARDIGRADE_LINK_CIDR to a range that nothing here uses',
    };
  }),

  check('clock', 'clockSynchronised', (synchronised) => {
    if (synchronised) return ok('the clock is synchronised');
    return {
      level: 'warning',
      seen: 'the kernel holds its clock for not synchronised',
      why: 'signatures whose time is off by 5 minutes are refused, guests get their time from here, and certificates depend on it',
      fix: 'apt-get install systemd-timesyncd && timedatectl set-ntp true (in a VM or container, its host may do it: compare with date -u)',
    };
  }),
];

function portUse({ use, host, port, failure, holder }: Port): Verdict {
  if (port === 0) return ok(`${use}: any free port`);
  const where = `${use}: port ${port} of ${host}`;
  const setting = use === 'API' ? 'TARDIGRADE_API' : 'TARDIGRADE_ENDPOINT';
  if (failure === undefined) return ok(`${where} is free`);
  if (failure === 'EADDRINUSE') {
    if (holder !== undefined && /\btardigrade\b.*\bserve\b|\bcli\/main\.[jt]s serve\b/.test(holder.command)) return ok(`${where} is served by Tardigrade (process ${holder.pid})`);
    return {
      level: 'error',
      seen: `${where} is in use${holder === undefined ? '' : ` by process ${holder.pid} (${holder.command})`}`,
      why: 'the service cannot start',
      fix: `end that process, or set ${setting}_PORT to another port`,
    };
  }
  if (failure === 'EADDRNOTAVAIL') return { level: 'error', seen: `${where}: this host has no such address`, why: 'the service cannot start', fix: `set ${setting}_HOST to an address of this host (ip address)` };
  return { level: 'error', seen: `${where} cannot be listened on: ${failure}`, why: 'the service cannot start', fix: `run as root, or set ${setting}_PORT to another port` };
}

function exposed({ use, host }: Port): boolean {
  return use === 'API' && !/^(127\.|::1$|localhost$)/.test(host);
}

function openToNetwork({ host, port }: Port): Verdict {
  return {
    level: 'warning',
    seen: `the API listens on ${host}:${port}`,
    why: 'it is plain HTTP: requests, artifacts and tokens can be read on the way',
    fix: 'set TARDIGRADE_API_HOST to 127.0.0.1 and put a TLS proxy before it',
  };
}
