/** The parser of DNS messages: what resolvers send is read, and no bytes from a network break it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asAnswer, MalformedMessage, parseQuery, parseReply, type Query, RCODE, TYPE, udpLimit, writeEmpty, writeQuery } from '../../../src/network/dns/message.js';

const NUMBER = process.env['FUZZ_RUNS'] === undefined ? 5000 : Number(process.env['FUZZ_RUNS']);

function question(name: string, type: number = TYPE.A): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  return Buffer.concat([...labels, Buffer.from([0, type >> 8, type & 0xff, 0, 1])]);
}

/** An answer section of A records that point back at the question's name, after CNAMEs. */
function reply(id: number, asked: Buffer, addresses: readonly string[], ttl = 300): Buffer {
  const head = writeEmpty({ id, recursionDesired: true, question: asked }, RCODE.noError);
  head.writeUInt16BE(addresses.length, 6);
  const records = addresses.map((address) => {
    const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]);
    record.writeUInt32BE(ttl, 6);
    return record;
  });
  return Buffer.concat([head, ...records]);
}

test('a query is read: name in lower case, type, EDNS', () => {
  const asked = question('WWW.Example.com', TYPE.AAAA);
  const query = parseQuery(writeQuery(7, asked, { udpSize: 0, dnssecOk: true }, 1400));
  assert.deepEqual({ ...query, question: undefined }, { id: 7, recursionDesired: true, name: 'www.example.com', type: TYPE.AAAA, edns: { udpSize: 1400, dnssecOk: true }, question: undefined });
  assert.ok(query.question.equals(asked));
  assert.equal(parseQuery(writeQuery(7, asked, undefined, 0)).edns, undefined);
  assert.deepEqual([udpLimit({ edns: undefined }, 1232), udpLimit(query, 1232), udpLimit({ edns: { udpSize: 600, dnssecOk: false } }, 1232)], [512, 1232, 600]);
});

test('a dot or control character within a label does not read as another name', () => {
  const bytes = Buffer.concat([Buffer.from([15]), Buffer.from('evil.allowed\0a.', 'latin1'), Buffer.from([3]), Buffer.from('com'), Buffer.from([0, 0, 1, 0, 1])]);
  assert.equal(parseQuery(writeQuery(1, bytes, undefined, 0)).name, 'evil\\046allowed\\000a\\046.com');
});

test('what is not one standard question is refused', () => {
  const good = writeQuery(1, question('a.test'), undefined, 0);
  const broken: Record<string, Buffer> = {
    empty: Buffer.alloc(0), short: good.subarray(0, 11), 'no end': good.subarray(0, -1), trailing: Buffer.concat([good, Buffer.from([0])]),
    'an answer': changed(good, 2, 0x80), update: changed(good, 2, 0x28), 'two questions': changed(good, 5, 2), 'class CH': changed(good, good.length - 1, 3),
    'pointer to itself': Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
    'pointer into the header': Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 0, 0, 1, 0, 1])]),
    'label of 64': Buffer.concat([good.subarray(0, 12), Buffer.from([64]), Buffer.alloc(64, 97), Buffer.from([0, 0, 1, 0, 1])]),
    'name of 256': writeQuery(1, question(Array.from({ length: 128 }, () => 'a').join('.')), undefined, 0),
  };
  for (const [what, message] of Object.entries(broken)) assert.throws(() => parseQuery(message), MalformedMessage, what);
});

test('a reply is read if it is the one to this query, and its lifetimes are capped in the answer', () => {
  const asked = question('a.test');
  const query: Query = parseQuery(writeQuery(9, question('A.tEst'), undefined, 0));
  const message = reply(77, asked, ['192.0.2.1', '192.0.2.2'], 86_400);
  const parsed = parseReply(message, 77, query.question);
  assert.deepEqual(parsed.records.map(({ section, name, address, ttl }) => ({ section, name, address, ttl })), ['192.0.2.1', '192.0.2.2'].map((address) => ({ section: 'answer', name: 'a.test', address, ttl: 86_400 })));
  const answer = asAnswer(message, parsed, query, 3600);
  assert.deepEqual(parseReply(answer, 9, query.question).records.map(({ ttl }) => ttl), [3600, 3600]);
  assert.ok(answer.subarray(12).includes(query.question), 'in the spelling that was asked');
  for (const [what, id, other] of [['id', 78, asked], ['name', 77, question('b.test')], ['type', 77, question('a.test', TYPE.AAAA)]] as const) assert.throws(() => parseReply(message, id, other), MalformedMessage, what);
});

test('no bytes break the parsers: they read a message or say that it is malformed', () => {
  const asked = question('some.name.test');
  const seeds = [writeQuery(1, asked, { udpSize: 0, dnssecOk: false }, 1232), reply(1, asked, ['192.0.2.1', '10.0.0.1'])];
  const mutated = fc.tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 8 }), fc.nat(80)).map(([seed, changes, cut]) => {
    const bytes = Buffer.from(seed.subarray(0, seed.length - (cut % 16 === 0 ? cut % seed.length : 0)));
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });
  fc.assert(fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes))), (bytes) => {
    for (const parse of [() => parseQuery(bytes), () => parseReply(bytes, 1, asked)]) {
      try {
        const read = parse();
        if ('question' in read) assert.ok(read.name.length <= 4 * 255 && read.question.length <= bytes.length - 12);
      } catch (error) {
        if (!(error instanceof MalformedMessage)) throw error;
      }
    }
  }), { numRuns: NUMBER });
});

function changed(message: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(message);
  copy[at] = value;
  return copy;
}
