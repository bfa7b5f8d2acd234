/** IPv4 addresses and ranges as numbers. */

export interface Range {
  readonly first: number;
  readonly last: number;
}

/** undefined: not four decimal octets. */
export function parseAddress(text: string): number | undefined {
  const octets = text.split('.');
  if (octets.length !== 4 || octets.some((octet) => !/^\d{1,3}$/.test(octet) || Number(octet) > 255)) return undefined;
  return octets.reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** `10.0.0.0/8`, or one address; bits beyond the prefix count as 0. undefined: neither. */
export function parseRange(cidr: string): Range | undefined {
  const [base = '', prefixText = '32', ...more] = cidr.split('/');
  const address = parseAddress(base);
  if (address === undefined || more.length > 0 || !/^\d{1,2}$/.test(prefixText) || Number(prefixText) > 32) return undefined;
  const size = 2 ** (32 - Number(prefixText));
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1 };
}

/** Is it a CIDR with a prefix? */
export function isRange(text: string): boolean {
  return text.includes('/') && parseRange(text) !== undefined;
}

export function contains(range: Range, address: number): boolean {
  return address >= range.first && address <= range.last;
}

/** The narrower of two CIDRs of which one holds the other; undefined when they have nothing in common. */
export function narrower(one: string, other: string): string | undefined {
  const [a, b] = [parseRange(one), parseRange(other)];
  if (a === undefined || b === undefined) return undefined;
  if (contains(b, a.first) && contains(b, a.last)) return one;
  return contains(a, b.first) && contains(a, b.last) ? other : undefined;
}

/** Is the address in one of these CIDRs? */
export function within(cidrs: readonly string[], address: string): boolean {
  const number = parseAddress(address);
  return number !== undefined && cidrs.some((cidr) => {
    const range = parseRange(cidr);
    return range !== undefined && contains(range, number);
  });
}
