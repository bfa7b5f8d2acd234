/**
 * DNS messages (RFC 1035, EDNS by RFC 6891) as far as a forwarder must understand them: the question, and names,
 * addresses and lifetimes of an answer. Everything is from the network: nothing is read beyond the message, no pointer is
 * followed forward, and what is malformed throws {@link MalformedMessage}.
 */

export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

export const TYPE = { A: 1, CNAME: 5, AAAA: 28, OPT: 41, IXFR: 251, AXFR: 252, ANY: 255 } as const;
export const RCODE = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 } as const;
const CLASS_IN = 1;
const HEADER = 12;
const MAX_NAME = 255;
/** What a sender without EDNS takes over UDP, bytes. */
const PLAIN_UDP = 512;

export interface Query {
  readonly id: number;
  readonly recursionDesired: boolean;
  /** Lower case, no dot at the end; the root is ''. Only what host names have: bytes that are not printable are escaped as \ddd. */
  readonly name: string;
  readonly type: number;
  /** Question section as sent, to be repeated in the answer. */
  readonly question: Buffer;
  /** Absent without EDNS. */
  readonly edns?: { readonly udpSize: number; readonly dnssecOk: boolean } | undefined;
}

export interface Reply {
  readonly id: number;
  readonly truncated: boolean;
  readonly rcode: number;
  readonly records: readonly ResourceRecord[];
}

export interface ResourceRecord {
  readonly section: 'answer' | 'authority' | 'additional';
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  /** Where the TTL is in the message. */
  readonly ttlAt: number;
  /** Of A and AAAA. */
  readonly address?: string;
  /** Of CNAME. */
  readonly target?: string;
}

/** A query with one question, as resolvers send it. */
export function parseQuery(message: Buffer): Query {
  const flags = header(message);
  if ((flags & 0x8000) !== 0) throw new MalformedMessage('an answer where a query belongs');
  if ((flags & 0x7800) !== 0) throw new MalformedMessage('not a standard query');
  const [questions, answers, authorities, additionals] = counts(message);
  if (questions !== 1 || answers !== 0 || authorities !== 0 || additionals > 1) throw new MalformedMessage('not one question alone');
  const { name, end } = readName(message, HEADER);
  const type = uint16(message, end);
  if (uint16(message, end + 2) !== CLASS_IN) throw new MalformedMessage('not of class IN');
  const question = message.subarray(HEADER, end + 4);
  const query = { id: message.readUInt16BE(0), recursionDesired: (flags & 0x0100) !== 0, name, type, question };
  if (additionals === 0) {
    if (message.length !== end + 4) throw new MalformedMessage('bytes after the question');
    return query;
  }
  const record = readRecord(message, end + 4, 'additional');
  if (record.record.type !== TYPE.OPT || record.record.name !== '') throw new MalformedMessage('an additional record that is not EDNS');
  return { ...query, edns: { udpSize: Math.max(PLAIN_UDP, record.record.class), dnssecOk: (record.record.ttl & 0x8000) !== 0 } };
}

/** What an upstream answered to `question`. */
export function parseReply(message: Buffer, id: number, question: Buffer): Reply {
  const flags = header(message);
  if ((flags & 0x8000) === 0 || message.readUInt16BE(0) !== id) throw new MalformedMessage('not the answer to this query');
  const [questions, answers, authorities, additionals] = counts(message);
  const start = HEADER + question.length;
  if (questions !== 1 || !sameQuestion(message.subarray(HEADER, start), question)) throw new MalformedMessage('the answer to another question');
  const truncated = (flags & 0x0200) !== 0;
  const reply = { id, truncated, rcode: flags & 0x000f };
  if (truncated) return { ...reply, records: [] }; // may end anywhere
  const records: ResourceRecord[] = [];
  let at = start;
  for (const [section, count] of [['answer', answers], ['authority', authorities], ['additional', additionals]] as const) {
    for (let n = 0; n < count; n++) {
      const { record, end } = readRecord(message, at, section);
      records.push(record);
      at = end;
    }
  }
  if (at !== message.length) throw new MalformedMessage('bytes after the last record');
  return { ...reply, records };
}

/** A query of our own for the same question. */
export function writeQuery(id: number, question: Buffer, edns: Query['edns'], udpSize: number): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(0x0100, 2);
  head.writeUInt16BE(1, 4);
  if (edns === undefined) return Buffer.concat([head, question]);
  head.writeUInt16BE(1, 10);
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(TYPE.OPT, 1);
  opt.writeUInt16BE(udpSize, 3);
  opt.writeUInt32BE(edns.dnssecOk ? 0x8000 : 0, 5);
  return Buffer.concat([head, question, opt]);
}

/** An answer with no records: a refusal, or one that says to ask over TCP. */
export function writeEmpty(query: Pick<Query, 'id' | 'recursionDesired' | 'question'>, rcode: number, truncated = false): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt16BE(query.id, 0);
  head.writeUInt16BE(0x8080 | (query.recursionDesired ? 0x0100 : 0) | (truncated ? 0x0200 : 0) | rcode, 2);
  head.writeUInt16BE(1, 4);
  return Buffer.concat([head, query.question]);
}

/** The upstream's message as answer to the query: its id, its spelling of the name, and no lifetime above `maxTtl`. */
export function asAnswer(message: Buffer, reply: Reply, query: Query, maxTtl: number): Buffer {
  const answer = Buffer.from(message);
  answer.writeUInt16BE(query.id, 0);
  query.question.copy(answer, HEADER);
  for (const { ttlAt, ttl, type } of reply.records) if (type !== TYPE.OPT && ttl > maxTtl) answer.writeUInt32BE(maxTtl, ttlAt);
  return answer;
}

/** Largest answer over UDP, given how much we ever send. */
export function udpLimit({ edns }: Pick<Query, 'edns'>, most: number): number {
  return edns === undefined ? PLAIN_UDP : Math.min(edns.udpSize, most);
}

function header(message: Buffer): number {
  if (message.length < HEADER) throw new MalformedMessage('shorter than a header');
  return message.readUInt16BE(2);
}

function counts(message: Buffer): [number, number, number, number] {
  return [message.readUInt16BE(4), message.readUInt16BE(6), message.readUInt16BE(8), message.readUInt16BE(10)];
}

function uint16(message: Buffer, at: number): number {
  if (at + 2 > message.length) throw new MalformedMessage('ends within a field');
  return message.readUInt16BE(at);
}

function readRecord(message: Buffer, start: number, section: ResourceRecord['section']): { record: ResourceRecord; end: number } {
  const { name, end: at } = readName(message, start);
  if (at + 10 > message.length) throw new MalformedMessage('ends within a record');
  const type = message.readUInt16BE(at);
  const data = at + 10;
  const end = data + message.readUInt16BE(at + 8);
  if (end > message.length) throw new MalformedMessage('ends within the data of a record');
  const record = { section, name, type, class: message.readUInt16BE(at + 2), ttl: message.readUInt32BE(at + 4), ttlAt: at + 4 };
  if (type === TYPE.OPT || record.class !== CLASS_IN) return { record, end };
  if (type === TYPE.A) {
    if (end - data !== 4) throw new MalformedMessage('an IPv4 address of another size');
    return { record: { ...record, address: [...message.subarray(data, end)].join('.') }, end };
  }
  if (type === TYPE.AAAA) {
    if (end - data !== 16) throw new MalformedMessage('an IPv6 address of another size');
    return { record: { ...record, address: ipv6(message.subarray(data, end)) }, end };
  }
  if (type !== TYPE.CNAME) return { record, end };
  const target = readName(message, data);
  if (target.end !== end) throw new MalformedMessage('a CNAME of another size than its name');
  return { record: { ...record, target: target.name }, end };
}

function ipv6(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, word) => bytes.readUInt16BE(word * 2).toString(16)).join(':');
}

function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  let end: number | undefined;
  let size = 1;
  for (;;) {
    const length = message[at];
    if (length === undefined) throw new MalformedMessage('ends within a name');
    if (length === 0) return { name: labels.join('.').toLowerCase(), end: end ?? at + 1 };
    if ((length & 0xc0) === 0xc0) {
      const target = uint16(message, at) & 0x3fff;
      // Only back, and each further back than the one before: no loop.
      if (target >= Math.min(at, start) || target < HEADER) throw new MalformedMessage('a name that points forward');
      end ??= at + 2;
      start = target;
      at = target;
      continue;
    }
    if ((length & 0xc0) !== 0) throw new MalformedMessage('a label of unknown kind');
    size += length + 1;
    if (size > MAX_NAME) throw new MalformedMessage('a name of more than 255 bytes');
    if (at + 1 + length > message.length) throw new MalformedMessage('ends within a label');
    labels.push(label(message.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
}

/** A dot within a label, or anything that does not print, must not read as another name. */
function label(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[^\x21-\x2d\x2f-\x5b\x5d-\x7e]/g, (char) => `\\${String(char.charCodeAt(0)).padStart(3, '0')}`);
}

/** Servers may answer in another spelling than asked; lengths of labels are below any letter. */
function sameQuestion(one: Buffer, other: Buffer): boolean {
  const fold = (bytes: Buffer): string => bytes.toString('latin1').replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return one.length === other.length && fold(one.subarray(0, -4)) === fold(other.subarray(0, -4)) && one.subarray(-4).equals(other.subarray(-4));
}
