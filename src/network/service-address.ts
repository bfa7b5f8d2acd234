/**
 * An address of the host that guests reach: the one place where the daemon serves them. It is on the loopback
 * interface, since not every kernel has an interface to spare for it, and not a loopback address.
 */
import { ip } from './commands.js';

/** One that an earlier daemon left is taken over. */
export async function addServiceAddress(address: string): Promise<void> {
  await ip([`addr replace ${address}/32 dev lo`]);
}

export async function removeServiceAddress(address: string): Promise<void> {
  await ip([`addr del ${address}/32 dev lo`]);
}
