/** What files of /proc and answers of programs say, without reading any of them. */
import { narrower } from '../network/contracts.js';
import type { FirewallChain } from './contracts.js';

export interface Mount {
  readonly point: string;
  readonly fileSystem: string;
}

/** proc(5), mountinfo: the mount a path without links is on; the last one where several are in the same place. */
export function mountOf(mountinfo: string, path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const point = unescape(left.split(' ')[4] ?? '');
    const below = path === point || path.startsWith(point === '/' ? '/' : `${point}/`);
    if (point === '' || !below || point.length < (best?.point.length ?? 0)) continue;
    best = { point, fileSystem: right.split(' ')[0] ?? '' };
  }
  return best;
}

/** Paths of /proc/swaps. */
export function swapPaths(swaps: string): string[] {
  return swaps
    .split('\n')
    .slice(1)
    .map((line) => unescape(line.split(/\s+/)[0] ?? ''))
    .filter((path) => path !== '');
}

/** Bytes of a line of /proc/meminfo. */
export function meminfoBytes(meminfo: string, name: string): number {
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1];
  if (kib === undefined) throw new Error(`/proc/meminfo has no ${name}`);
  return Number(kib) * 1024;
}

/** Effective capabilities in /proc/self/status. */
export function effectiveCapabilities(status: string): bigint {
  const hex = /^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1];
  if (hex === undefined) throw new Error('/proc/self/status has no CapEff');
  return BigInt(`0x${hex}`);
}

/** Lines of passwd(5), group(5) by their third field, and of subuid(5), subgid(5) as ranges, that are in a range of ids. */
export function idsWithin(names: string, subordinate: string, first: number, count: number): string[] {
  const cells = (text: string): string[][] => text.split('\n').map((line) => line.split(':')).filter((parts) => parts.length >= 3);
  const last = first + count - 1;
  return [
    ...cells(names).filter(([, , id]) => Number(id) >= first && Number(id) <= last).map(([name, , id]) => `${name ?? ''} (${id ?? ''})`),
    ...cells(subordinate)
      .filter(([, start, length]) => Number(start) <= last && Number(start) + Number(length) - 1 >= first)
      .map(([name, start, length]) => `${name ?? ''}'s ${start ?? ''}-${Number(start) + Number(length) - 1}`),
  ];
}

/** Soft limit of open files in /proc/self/limits. */
export function openFilesLimit(limits: string): number {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) throw new Error('/proc/self/limits has no "Max open files"');
  return soft === 'unlimited' ? Infinity : Number(soft);
}

/** Routes of /proc/net/route that overlap an IPv4 range, without the default route. */
export function overlappingRoutes(table: string, cidr: string): { destination: string; device: string }[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells.length >= 8)
    .map((cells) => ({ device: cells[0] ?? '', destination: `${address(cells[1] ?? '')}/${prefixOf(cells[7] ?? '')}` }))
    .filter(({ destination }) => destination !== '0.0.0.0/0' && narrower(destination, cidr) !== undefined);
}

/** The kernel prints the four bytes as one little-endian number. */
function address(hex: string): string {
  return (hex.match(/../g) ?? []).reverse().map((byte) => parseInt(byte, 16)).join('.');
}

function prefixOf(hex: string): number {
  return parseInt(hex, 16).toString(2).replaceAll('0', '').length;
}

/** Inodes of the sockets that listen on a port, of /proc/net/tcp or tcp6. */
export function listenerInodes(table: string, port: number): string[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => (cells[1] ?? '').endsWith(end) && cells[3] === '0A')
    .map((cells) => cells[9] ?? '');
}

/** Chains at the forward hook that drop by default, of `nft -j list ruleset`; ours are not counted. */
export function dropChains(ruleset: string): FirewallChain[] {
  const { nftables } = JSON.parse(ruleset) as { nftables?: readonly { chain?: { family: string; table: string; name: string; hook?: string; policy?: string } }[] };
  return (nftables ?? [])
    .flatMap(({ chain }) => (chain === undefined ? [] : [chain]))
    .filter(({ hook, policy, table }) => hook === 'forward' && policy === 'drop' && !table.startsWith('tardigrade_'))
    .map(({ family, table, name }) => ({ family, table, chain: name }));
}

function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
