/**
 * The log of what guests connect to, and of what they were kept from: one entry for each new connection. The kernel
 * reports it (host-rules.ts), so that no daemon need be asked before a packet passes.
 */
import { LruMap } from '../../collections/lru-map.js';
import { messageOf } from '../../errors/index.js';
import type { LinkPool, LinkUser } from '../contracts.js';
import type { ResolverEvent } from '../dns/resolver.js';
import { type LogSocket, openLogSocket } from './netlink.js';
import { parseBatch } from './packets.js';

/** As it is written, one JSON line each. */
export interface AuditEntry {
  readonly time: string;
  /** MicroVM, or `build-<buildId>`. */
  readonly id: string;
  /** `dns`: a name that was refused. */
  readonly protocol: string;
  readonly destination?: string | undefined;
  readonly port?: number | undefined;
  /** What the guest asked for when it got that address, if it asked us. */
  readonly name?: string | undefined;
  readonly verdict: 'allow' | 'deny';
}

export interface AuditDeps {
  readonly group: number;
  readonly links: Pick<LinkPool, 'usedFor'>;
  /** ms since 1970. */
  readonly now: () => number;
  /** Those that came together, in order. */
  readonly write: (user: LinkUser, entries: readonly AuditEntry[]) => void;
  readonly complain: (error: string) => void;
}

export interface Audit {
  /** To be told of every name. */
  resolved(event: ResolverEvent): void;
  close(): void;
}

/** ms between reads: the kernel gathers meanwhile. */
const READ_EVERY_MS = 100;
/** Batches per read: what is more waits for the next. */
const BATCHES = 64;
/** A packet's headers. */
const SNAP = 64;
/** Names remembered of one link; those unused for longest go first. */
const MAX_NAMES = 512;
const MAX_LINKS = 4096;

export function startAudit({ group, links, now, write, complain }: AuditDeps): Audit {
  const socket = openLogSocket(group, SNAP);
  /** By link, by address. */
  const names = new LruMap<string, LruMap<string, string>>(MAX_LINKS);
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const say = (host: string, what: readonly Omit<AuditEntry, 'time' | 'id'>[]): void => {
    const user = links.usedFor(host)?.user;
    if (user !== undefined) write(user, what.map((entry) => ({ time: new Date(now()).toISOString(), id: user.id, ...entry })));
  };
  const take = (batch: Buffer): void => {
    const bySource = new Map<string, Omit<AuditEntry, 'time' | 'id'>[]>();
    for (const { prefix, source, destination, protocol, port } of parseBatch(batch)) {
      if (prefix !== 'allow' && prefix !== 'deny') continue;
      const entries = bySource.get(source) ?? [];
      entries.push({ protocol, destination, port, name: names.get(source)?.get(destination), verdict: prefix });
      bySource.set(source, entries);
    }
    for (const [source, entries] of bySource) say(source, entries);
  };
  const read = (): void => {
    drain(socket, take)
      .then((lost) => lost && complain('connections of guests are missing in the log: they came faster than they are read'))
      .catch((error: unknown) => complain(messageOf(error)))
      .finally(() => {
        if (!closed) timer = setTimeout(read, READ_EVERY_MS).unref();
      });
  };
  read();

  return {
    resolved({ host, name, verdict, addresses }) {
      if (verdict === 'deny') return say(host, [{ protocol: 'dns', name, verdict }]);
      const known = names.get(host) ?? new LruMap<string, string>(MAX_NAMES);
      for (const address of addresses) known.set(address, name);
      names.set(host, known);
    },
    close() {
      closed = true;
      clearTimeout(timer);
      socket.close();
    },
  };
}

/** true: some were lost. */
async function drain(socket: LogSocket, take: (batch: Buffer) => void): Promise<boolean> {
  let lost = false;
  for (let n = 0; n < BATCHES; n++) {
    const batch = await socket.receive();
    if (batch === undefined) break;
    if (batch === 'lost') lost = true;
    else take(batch);
  }
  return lost;
}
