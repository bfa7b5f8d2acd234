/** The host's side of links: a /31 per slot out of one IPv4 range. */
import { OperatorError } from '../errors/index.js';

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

/** Throws OperatorError when the range is malformed or holds no /31. */
export function planAddresses(cidr: string): AddressPlan {
  const [base = '', prefixText = ''] = cidr.split('/');
  const prefix = Number(prefixText);
  const octets = base.split('.').map(Number);
  if (octets.length !== 4 || octets.some((o) => !Number.isInteger(o) || o > 255) || !(prefix >= 8 && prefix <= 30)) {
    throw new OperatorError(`link range "${cidr}": an IPv4 range with a prefix of 8 to 30, such as 198.18.0.0/15, is needed`);
  }
  const size = 2 ** (32 - prefix);
  // The end of the range is no slot's: 2 addresses of a /30, 8192 of a /15.
  const reserved = size / 16 > 2 ? size / 16 : 2;
  const start = Math.floor(octets.reduce((sum, octet) => sum * 256 + octet, 0) / size) * size;
  return {
    slots: Math.min((size - reserved) / 2, MAX_SLOTS),
    addresses: (slot) => ({ host: dotted(start + slot * 2), peer: dotted(start + slot * 2 + 1) }),
    spare: (number) => dotted(start + size - 1 - (number % reserved)),
  };
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}
