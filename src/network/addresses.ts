/** The host's side of links: a /31 per slot out of one IPv4 range. */
import { OperatorError } from '../errors/index.js';
import { formatAddress, parseRange } from './ranges.js';

export interface LinkAddresses {
  readonly host: string; // on the host
  readonly peer: string; // in the namespace; what the host dials
}

export interface AddressPlan {
  readonly slots: number;
  addresses(slot: number): LinkAddresses;
  /** An address of the range that no slot has; another for most of the numbers. */
  spare(number: number): string;
}

/** Slots beyond this are never needed: one host runs out of memory first. */
const MAX_SLOTS = 16_384;
/** Addresses of a /30 and of a /8. */
const SMALLEST = 4;
const LARGEST = 2 ** 24;

/** Throws OperatorError when the range is malformed or holds no /31. */
export function planAddresses(cidr: string): AddressPlan {
  const range = parseRange(cidr);
  const size = range === undefined ? 0 : range.last - range.first + 1;
  if (range === undefined || size < SMALLEST || size > LARGEST) {
    throw new OperatorError(`link range "${cidr}": an IPv4 range with a prefix of 8 to 30, such as 198.18.0.0/15, is needed`);
  }
  // The end of the range is no slot's: 2 addresses of a /30, 8192 of a /15.
  const reserved = size / 16 > 2 ? size / 16 : 2;
  const { first, last } = range;
  return {
    slots: Math.min((size - reserved) / 2, MAX_SLOTS),
    addresses: (slot) => ({ host: formatAddress(first + slot * 2), peer: formatAddress(first + slot * 2 + 1) }),
    spare: (number) => formatAddress(last - (number % reserved)),
  };
}
