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
import { namespaces } from './commands.js';
import { type EgressPolicy, type GuestServices, INTERNET, type Link, type LinkOptions, type LinkPool } from './contracts.js';
import { describeLink, makeLink, removeLink } from './link.js';
import type { LinkLimits } from './link-rules.js';
import type { AuditRules } from './host-rules.js';
import { HostTable } from './host-table.js';
import { openedBy } from './names.js';
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
  /** Default: {@link DEFAULT_LIMITS}. */
  readonly limits?: LinkLimits;
  /** Which connections the kernel reports, at {@link auditGroup}. Default: none. */
  readonly audit?: AuditRules['verdicts'];
}

export const DEFAULT_LIMITS: LinkLimits = { packets: 50_000, newConnections: 200, connections: 4096 };

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';
/** Removing and making links compete with guests for the CPU: not more than this at once. */
const MAX_FILLING = 2;

/** Installs the host's rules and starts filling. What an earlier pool of this owner left waits to be adopted or swept. */
export async function openLinkPool(options: LinkPoolOptions): Promise<LinkPool> {
  const digest = digestOf(options.owner);
  const tag = digest.toString('hex').slice(0, 5);
  const names = { netns: `tdg-${tag}-`, uplink: `tdg${tag}-`, table: `tardigrade_${tag}` };
  const plan = planAddresses(options.linkCidr);
  // Two daemons on one host start at different places of the range.
  const firstSlot = digest.readUInt32BE(4) % plan.slots;
  const services: GuestServices | undefined = options.services && { ...options.services, address: plan.spare(digest.readUInt32BE(8)) };
  /** Slots of links of an earlier pool. */
  const left = new Set((await namespaces()).filter((netns) => netns.startsWith(names.netns)).map((netns) => Number(netns.slice(names.netns.length))));
  const table = new HostTable({
    table: names.table, interfacePrefix: names.uplink, linkCidr: options.linkCidr, egressDeny: options.egressDeny, uid: process.getuid?.() ?? 0, services,
    audit: options.audit && { group: auditGroup(options.owner), verdicts: options.audit },
  });
  await table.install();
  if (services !== undefined) await addServiceAddress(services.address);
  const forwardBefore = (await readFile(IP_FORWARD, 'utf8')).trim();
  if (forwardBefore !== '1') await writeFile(IP_FORWARD, '1');

  const usedSlots = new Set<number>(left);
  const waiting: number[] = []; // slots, all with the internet: the default of a run
  const filling = new Set<Promise<void>>();
  const uses = new Map<string, { readonly slot: number; readonly options: LinkOptions }>(); // by Link.host
  const adopting = new Set<Promise<void>>();
  let closed = false;

  const placeOf = (slot: number) => ({
    netns: `${names.netns}${slot}`,
    uplink: `${names.uplink}${slot}`,
    addresses: plan.addresses((firstSlot + slot) % plan.slots),
  });
  const remove = async (slot: number): Promise<void> => {
    const { netns, uplink, addresses } = placeOf(slot);
    uses.delete(addresses.peer);
    await table.forget(slot);
    await removeLink(netns, uplink);
    usedSlots.delete(slot);
  };
  const inUse = (slot: number, link: LinkOptions): Link => {
    let released: Promise<void> | undefined;
    const described = describeLink(placeOf(slot));
    uses.set(described.host, { slot, options: link });
    return { ...described, release: () => (released ??= remove(slot)) };
  };

  const make = async (egress: EgressPolicy): Promise<number> => {
    const slot = freeSlot(usedSlots, plan.slots);
    usedSlots.add(slot);
    try {
      await makeLink({ ...placeOf(slot), limits: options.limits ?? DEFAULT_LIMITS, services });
    } catch (error) {
      usedSlots.delete(slot);
      throw error;
    }
    await restrict(slot, egress);
    return slot;
  };
  /** A link that cannot be given its policy is removed. */
  const restrict = async (slot: number, egress: EgressPolicy): Promise<void> => {
    try {
      await table.allow(slot, egress);
    } catch (error) {
      await remove(slot);
      throw error;
    }
  };

  const fill = (): void => {
    while (!closed && filling.size < MAX_FILLING && waiting.length + filling.size < options.poolSize) {
      const one: Promise<void> = make(INTERNET)
        .then((slot) => void waiting.push(slot))
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
      const ready = waiting.shift();
      // Refill a little later: now the CPU is the launch's.
      setTimeout(fill, 500).unref();
      if (ready === undefined) return inUse(await make(wanted.egress), wanted);
      await restrict(ready, wanted.egress);
      return inUse(ready, wanted);
    },
    adopt: (netnsPath, wanted) => {
      const slot = Number(basename(netnsPath).slice(names.netns.length));
      if (describeLink(placeOf(slot)).netnsPath !== netnsPath || !left.delete(slot)) return undefined;
      const restricted: Promise<void> = table.allow(slot, wanted.egress)
        .catch((error: unknown) => options.logger.error({ error: messageOf(error), user: wanted.user?.id }, 'a network link that was taken over reaches nothing: its rules cannot be loaded'))
        .finally(() => adopting.delete(restricted));
      adopting.add(restricted);
      return inUse(slot, wanted);
    },
    sweep: async () => {
      await Promise.all(adopting);
      for (const slot of [...left]) {
        left.delete(slot);
        await remove(slot);
      }
    },
    usedFor: (host) => uses.get(host)?.options,
    opened: async (host, name, addresses, seconds) => {
      const use = uses.get(host);
      if (use === undefined) return;
      for (const [rule, within] of openedBy(use.options.egress, name, addresses)) await table.open(use.slot, [rule], within, seconds);
    },
    close: async ({ keepRules = false } = {}) => {
      closed = true;
      await Promise.all([...filling, ...adopting]);
      await Promise.all(waiting.splice(0).map(remove));
      if (keepRules) return;
      await table.remove();
      if (services !== undefined) await removeServiceAddress(services.address);
      if (forwardBefore !== '1') await writeFile(IP_FORWARD, forwardBefore);
    },
  };
}

/** nflog group of the pool of that owner: two daemons on a host do not read each other's. */
export function auditGroup(owner: string): number {
  return 1 + (digestOf(owner).readUInt16BE(12) % 65_535);
}

function digestOf(owner: string): Buffer {
  return createHash('sha256').update(owner).digest();
}

function freeSlot(used: ReadonlySet<number>, slots: number): number {
  for (let slot = 0; slot < slots; slot++) if (!used.has(slot)) return slot;
  throw new OperatorError(`all ${slots} links of the range are in use; set TARDIGRADE_LINK_CIDR to a larger one`);
}
