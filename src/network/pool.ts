/**
 * Links made ahead of their use: making one takes tens of milliseconds and several processes, launching from a
 * snapshot a few hundred, so a launch takes one that waits. A link is used once and removed; its slot is used again.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Logger } from 'pino';
import { messageOf, OperatorError } from '../errors/index.js';
import { planAddresses } from './addresses.js';
import { namespaces, nft } from './commands.js';
import type { GuestServices, Link, LinkOptions, LinkPool } from './contracts.js';
import { describeLink, makeLink, removeLink } from './link.js';
import { upstreamResolver } from './resolver.js';
import { hostRules } from './rules.js';
import { addServiceAddress, removeServiceAddress } from './service-address.js';

export interface LinkPoolOptions {
  readonly linkCidr: string;
  readonly egressDeny: readonly string[];
  readonly poolSize: number;
  /** Tells this pool's namespaces and interfaces from those of other daemons on the host, e.g. its data folder. */
  readonly owner: string;
  readonly logger: Logger;
  /** Absent: guests reach nothing of the daemon's. */
  readonly services?: Omit<GuestServices, 'address'>;
}

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';
/** Removing and making links compete with guests for the CPU: not more than this at once. */
const MAX_FILLING = 2;

/** Installs the host's rules and starts filling. What an earlier pool of this owner left waits to be adopted or swept. */
export async function openLinkPool(options: LinkPoolOptions): Promise<LinkPool> {
  const digest = createHash('sha256').update(options.owner).digest();
  const tag = digest.toString('hex').slice(0, 5);
  const names = { netns: `tdg-${tag}-`, uplink: `tdg${tag}-`, table: `tardigrade_${tag}` };
  const plan = planAddresses(options.linkCidr);
  // Two daemons on one host start at different places of the range.
  const firstSlot = digest.readUInt32BE(4) % plan.slots;
  // No link takes the slot before the first.
  const services: GuestServices | undefined = options.services && { ...options.services, address: plan.addresses((firstSlot + plan.slots - 1) % plan.slots).host };
  /** Slots of links of an earlier pool. */
  const left = new Set((await namespaces()).filter((netns) => netns.startsWith(names.netns)).map((netns) => Number(netns.slice(names.netns.length))));
  await nft(hostRules({ table: names.table, interfacePrefix: names.uplink, linkCidr: options.linkCidr, egressDeny: options.egressDeny, uid: process.getuid?.() ?? 0, services }));
  if (services !== undefined) await addServiceAddress(services.address);
  const forwardBefore = (await readFile(IP_FORWARD, 'utf8')).trim();
  if (forwardBefore !== '1') await writeFile(IP_FORWARD, '1');
  const resolver = await upstreamResolver();

  const usedSlots = new Set<number>(left);
  const waiting: Link[] = []; // all with internet: the default of a run
  const filling = new Set<Promise<void>>();
  let closed = false;

  const placeOf = (slot: number) => ({
    netns: `${names.netns}${slot}`,
    uplink: `${names.uplink}${slot}`,
    addresses: plan.addresses((firstSlot + slot) % plan.slots),
  });
  const remove = async (slot: number): Promise<void> => {
    const { netns, uplink } = placeOf(slot);
    await removeLink(netns, uplink);
    usedSlots.delete(slot);
  };
  const owned = (slot: number, link: Omit<Link, 'release'>): Link => {
    let released: Promise<void> | undefined;
    return { ...link, release: () => (released ??= remove(slot)) };
  };

  const make = async (wanted: LinkOptions): Promise<Link> => {
    const slot = freeSlot(usedSlots, services === undefined ? plan.slots : plan.slots - 1);
    usedSlots.add(slot);
    try {
      return owned(slot, await makeLink({ ...wanted, ...placeOf(slot), resolver, services }));
    } catch (error) {
      usedSlots.delete(slot);
      throw error;
    }
  };

  const fill = (): void => {
    while (!closed && filling.size < MAX_FILLING && waiting.length + filling.size < options.poolSize) {
      const one: Promise<void> = make({ internet: true })
        .then((link) => void waiting.push(link))
        .then(
          () => true,
          (error: unknown) => {
            options.logger.warn({ error: messageOf(error) }, 'cannot make a network link ahead');
            return false; // the next acquire tries again and reports
          },
        )
        .then((made) => {
          filling.delete(one);
          if (made) fill();
        });
      filling.add(one);
    }
  };
  fill();

  return {
    services,
    acquire: async (wanted) => {
      if (closed) throw new OperatorError('the link pool is closed: the service is shutting down');
      const ready = wanted.internet ? waiting.shift() : undefined;
      // Refill a little later: now the CPU is the launch's.
      setTimeout(fill, 500).unref();
      return ready ?? make(wanted);
    },
    adopt: (netnsPath) => {
      const slot = Number(basename(netnsPath).slice(names.netns.length));
      const link = describeLink(placeOf(slot));
      return link.netnsPath === netnsPath && left.delete(slot) ? owned(slot, link) : undefined;
    },
    sweep: async () => {
      for (const slot of [...left]) {
        left.delete(slot);
        await remove(slot);
      }
    },
    close: async ({ keepRules = false } = {}) => {
      closed = true;
      await Promise.all(filling);
      await Promise.all(waiting.splice(0).map((link) => link.release()));
      if (keepRules) return;
      await nft(`delete table ip ${names.table}\n`);
      if (services !== undefined) await removeServiceAddress(services.address);
      if (forwardBefore !== '1') await writeFile(IP_FORWARD, forwardBefore);
    },
  };
}

function freeSlot(used: ReadonlySet<number>, slots: number): number {
  for (let slot = 0; slot < slots; slot++) if (!used.has(slot)) return slot;
  throw new OperatorError(`all ${slots} links of the range are in use; set TARDIGRADE_LINK_CIDR to a larger one`);
}
