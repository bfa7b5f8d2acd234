/** From a guest's query to its answer: what its policy lets it ask, and what an answer may say. */
import { messageOf } from '../../errors/index.js';
import type { LinkPool } from '../contracts.js';
import { nameRules } from '../egress-rules.js';
import { mayResolve } from '../names.js';
import { within } from '../ranges.js';
import { asAnswer, MalformedMessage, parseQuery, type Query, RCODE, type Reply, TYPE, writeEmpty } from './message.js';
import type { Upstream } from './upstream.js';

export interface ResolverDeps {
  readonly links: Pick<LinkPool, 'usedFor' | 'opened'>;
  readonly upstream: Upstream;
  /** IPv4 ranges that no name of the outside may lead to, since no guest may go there; asked for each answer, as the host's addresses change. */
  readonly denied: () => readonly string[];
  /** Told of names refused, and of those resolved with their IPv4 addresses. */
  readonly told?: (event: ResolverEvent) => void;
  readonly complain: (error: string) => void;
}

export interface ResolverEvent {
  /** Of the link. */
  readonly host: string;
  readonly name: string;
  readonly verdict: 'allow' | 'deny';
  readonly addresses: readonly string[];
}

/** Seconds. A guest asks again at the latest then, while what the name opened is open still. */
const MAX_TTL = 3600;
/** Seconds: connections are made a while after a name was asked for, and resolvers round. */
const OPEN_AT_LEAST = 60;
const OPEN_LONGER = 60;
/** Answers that only help those who attack others with them, or copy zones. */
const UNANSWERED: readonly number[] = [TYPE.ANY, TYPE.AXFR, TYPE.IXFR];

export interface Resolver {
  /** undefined: nothing to say to that. `most`: bytes the answer may have, given the query. */
  answer(host: string, message: Buffer, most: (query: Query) => number): Promise<Buffer | undefined>;
}

export function createResolver({ links, upstream, denied, told = () => undefined, complain }: ResolverDeps): Resolver {
  return {
    async answer(host, message, most) {
      const use = links.usedFor(host);
      if (use === undefined) return undefined;
      let query: Query;
      try {
        query = parseQuery(message);
      } catch (error) {
        if (!(error instanceof MalformedMessage)) throw error;
        return refuseUnread(message);
      }
      if (UNANSWERED.includes(query.type)) return writeEmpty(query, RCODE.refused);
      if (!mayResolve(use.egress, query.name)) {
        told({ host, name: query.name, verdict: 'deny', addresses: [] });
        return writeEmpty(query, RCODE.nxDomain);
      }
      let answered: Awaited<ReturnType<Upstream['ask']>>;
      try {
        answered = await upstream.ask(query);
      } catch (error) {
        complain(messageOf(error));
        return writeEmpty(query, RCODE.servFail);
      }
      const { reply } = answered;
      const addresses = addressesIn(reply, query.name);
      // Whoever owns the name may not point guests at this host, or at a network behind it that is closed to them.
      if (anyLeadsInside(reply, denied)) {
        told({ host, name: query.name, verdict: 'deny', addresses });
        return writeEmpty(query, RCODE.nxDomain);
      }
      if (addresses.length > 0) {
        const seconds = Math.min(MAX_TTL, Math.max(OPEN_AT_LEAST, lifetime(reply))) + OPEN_LONGER;
        // Before the guest hears of them.
        if (nameRules(use.egress).length > 0) await links.opened(host, query.name, addresses, seconds);
        told({ host, name: query.name, verdict: 'allow', addresses });
      }
      const answer = asAnswer(answered.message, reply, query, MAX_TTL);
      return answer.length <= most(query) ? answer : writeEmpty(query, RCODE.noError, true);
    },
  };
}

/** Of the name, or of the one its CNAMEs end at: records of other names are nobody's answer. */
function addressesIn({ records }: Reply, name: string): string[] {
  const answers = records.filter(({ section }) => section === 'answer');
  const names = new Set([name]);
  // Each round follows one CNAME at least, or is the last.
  for (let size = 0; size < names.size;) {
    size = names.size;
    for (const record of answers) if (record.target !== undefined && names.has(record.name)) names.add(record.target);
  }
  return [...new Set(answers.filter(({ type, name: owner }) => type === TYPE.A && names.has(owner)).flatMap(({ address }) => address ?? []))];
}

function lifetime({ records }: Reply): number {
  return Math.max(0, ...records.filter(({ section, type }) => section === 'answer' && type === TYPE.A).map(({ ttl }) => ttl));
}

/** The ranges are asked for once, as they take a look at all interfaces of the host. */
function anyLeadsInside({ records }: Reply, denied: ResolverDeps['denied']): boolean {
  const addresses = records.flatMap(({ address }) => address ?? []);
  if (addresses.length === 0) return false;
  const closed = denied();
  return addresses.some((address) => leadsInside(address, closed));
}

/** IPv4 in any of the forms IPv6 has for it counts as itself. */
function leadsInside(address: string, denied: readonly string[]): boolean {
  if (!address.includes(':')) return within(denied, address);
  const words = address.split(':').map((word) => parseInt(word, 16));
  const [first = 0] = words;
  const embedded = words.slice(6).flatMap((word) => [word >> 8, word & 0xff]).join('.');
  const leading = words.slice(0, 5).every((word) => word === 0);
  if (leading && (words[5] === 0xffff || words[5] === 0)) return words[5] === 0 || within(denied, embedded); // ::, ::1, ::a.b.c.d, ::ffff:a.b.c.d
  if (first === 0x64 && words[1] === 0xff9b) return within(denied, embedded);
  return (first & 0xffc0) === 0xfe80; // link-local
}

/** Something with an id gets told, what is an answer itself does not: two that answer each other never end. */
function refuseUnread(message: Buffer): Buffer | undefined {
  if (message.length < 12 || (message.readUInt16BE(2) & 0x8000) !== 0) return undefined;
  const answer = Buffer.alloc(12);
  answer.writeUInt16BE(message.readUInt16BE(0), 0);
  answer.writeUInt16BE(0x8000 | ((message.readUInt16BE(2) & 0x7800) !== 0 ? RCODE.notImp : RCODE.formErr), 2);
  return answer;
}
