/** Guests' resolver and the log of what they connect to, put together. */
import { networkInterfaces } from 'node:os';
import type { Logger } from 'pino';
import type { Clock } from '../clock/index.js';
import type { Config } from '../config/config.js';
import { messageOf } from '../errors/index.js';
import type { AppLog } from '../logs/contracts.js';
import { createSeldom } from '../metadata/seldom.js';
import { type Audit, startAudit } from '../network/audit/audit.js';
import { GUEST_NET, type LinkPool, servicePort } from '../network/contracts.js';
import { createResolver } from '../network/dns/resolver.js';
import { createDnsServer } from '../network/dns/server.js';
import { createUpstream, hostServers } from '../network/dns/upstream.js';
import { NEVER } from '../network/host-rules.js';
import { auditGroup, type LinkPoolOptions } from '../network/pool.js';

export interface EgressParts {
  readonly config: Pick<Config, 'linkCidr' | 'egressDeny' | 'egressLog'>;
  readonly links: LinkPool;
  /** As the pool's. */
  readonly owner: string;
  readonly log: AppLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Log group of an account; each MicroVM and build has a stream named by its id. */
export const EGRESS_LOG_GROUP = '/tardigrade/egress';

export function linkSettings(config: Config): Pick<LinkPoolOptions, 'linkCidr' | 'egressDeny' | 'poolSize' | 'limits' | 'audit'> {
  return {
    linkCidr: config.linkCidr,
    egressDeny: config.egressDeny,
    poolSize: config.linkPoolSize,
    limits: { packets: config.linkPackets, newConnections: config.linkNewConnections, connections: config.linkConnections, bandwidthKiB: config.linkBandwidthKiB },
    audit: config.egressLog === 'all' ? ['allow', 'deny'] : config.egressLog === 'denied' ? ['deny'] : [],
  };
}

/** Serves guests' DNS and keeps the log until closed. */
export async function startEgress(parts: EgressParts): Promise<{ close(): Promise<void> }> {
  const { config, links, clock, logger } = parts;
  const seldom = createSeldom(() => clock.steady());
  /** What may come with every packet is told once in a while. */
  const complain: Complain = (what) => (error) => {
    if (seldom(what)) logger.warn({ error }, what);
  };
  const audit = openAudit(parts, complain);
  const upstream = createUpstream(hostServers(() => clock.steady()));
  const resolver = createResolver({
    links, upstream,
    denied: () => [...NEVER, config.linkCidr, ...config.egressDeny, ...hostAddresses()],
    ...(audit === undefined ? {} : { told: (event) => audit.resolved(event) }),
    complain: complain('a guest\'s name could not be resolved'),
  });
  const server = createDnsServer({ resolver, steady: () => clock.steady(), complain: complain('DNS for guests') });
  try {
    if (links.services !== undefined) await server.listen(links.services.address, servicePort(GUEST_NET.dnsPort));
  } catch (error) {
    audit?.close();
    throw error;
  }
  return {
    close: async () => {
      audit?.close();
      await server.close();
    },
  };
}

type Complain = (what: string) => (error: string) => void;

/** A host without nflog runs guests all the same: no rule depends on who reads the log. */
function openAudit({ config, links, owner, log, clock, logger }: EgressParts, complain: Complain): Audit | undefined {
  if (config.egressLog === 'off') return undefined;
  try {
    return startAudit({
      group: auditGroup(owner), links,
      now: () => clock.now(),
      write: ({ id, accountId }, entries) => {
        const writer = log.stream(accountId, EGRESS_LOG_GROUP, id);
        for (const entry of entries) writer.write(clock.now(), JSON.stringify(entry));
        void writer.close();
      },
      complain: complain('the log of guests\' connections'),
    });
  } catch (error) {
    logger.warn({ error: messageOf(error) }, 'there is no log of guests\' connections');
    return undefined;
  }
}

function hostAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => list ?? []).filter(({ family }) => family === 'IPv4').map(({ address }) => address);
}
