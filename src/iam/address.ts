/** IpAddress and NotIpAddress: an address, or a range in CIDR form. */
import { BlockList, isIP, isIPv4 } from 'node:net';
import { PolicyError } from './contracts.js';

/** Throws PolicyError unless it is one. */
export function addressTest(range: string): (address: string) => boolean {
  const [base = '', prefix, ...rest] = range.split('/');
  const family = isIP(base);
  const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix);
  const widest = family === 4 ? 32 : 128;
  if (family === 0 || rest.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) || bits > widest) {
    throw new PolicyError(`'${range}' is no IP address or range: write it like 203.0.113.0/24 or 2001:db8::/32`);
  }
  const list = new BlockList();
  list.addSubnet(base, bits, family === 4 ? 'ipv4' : 'ipv6');
  return (address) => isIP(address) !== 0 && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}
