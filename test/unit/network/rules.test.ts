/** Addresses, ranges, what a policy becomes in nftables, and the kernel's log read back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planAddresses } from '../../../src/network/addresses.js';
import { parseBatch } from '../../../src/network/audit/packets.js';
import { INTERNET, NO_EGRESS } from '../../../src/network/contracts.js';
import { egressRules } from '../../../src/network/egress-rules.js';
import { narrower, parseRange, within } from '../../../src/network/ranges.js';

test('no link has a spare address, in the smallest range and the largest', () => {
  for (const [cidr, slots] of [['198.18.0.0/30', 1], ['198.18.0.0/24', 120], ['198.18.0.0/15', 16_384], ['10.0.0.0/8', 16_384]] as const) {
    const plan = planAddresses(cidr);
    assert.equal(plan.slots, slots);
    const taken = new Set(Array.from({ length: slots }, (_, slot) => Object.values<string>({ ...plan.addresses(slot) })).flat());
    assert.equal(taken.size, slots * 2);
    for (const number of [0, 1, 12_345, 0xffff_ffff]) {
      const spare = plan.spare(number);
      assert.ok(!taken.has(spare) && within([cidr], spare), `${cidr}: ${spare}`);
    }
  }
});

test('ranges: bits beyond the prefix are 0; of two the inner one is what they have in common', () => {
  assert.deepEqual(parseRange('10.1.2.3/8'), parseRange('10.0.0.0/8'));
  for (const bad of ['10.0.0/8', '10.0.0.256/8', '10.0.0.0/33', '10.0.0.0/8/8', '::/0', 'a', '']) assert.equal(parseRange(bad), undefined, bad);
  assert.deepEqual([narrower('10.0.0.0/8', '10.1.0.0/16'), narrower('10.1.0.0/16', '0.0.0.0/0'), narrower('10.0.0.0/8', '11.0.0.0/8')], ['10.1.0.0/16', '10.1.0.0/16', undefined]);
});

test('a policy as rules: only what it names, and a name only by its set', () => {
  const at = { table: 't', chain: 'c' };
  assert.equal(egressRules(at, NO_EGRESS), '');
  assert.equal(egressRules(at, INTERNET), 'add rule inet t c meta nfproto ipv4 meta l4proto tcp goto allowed');
  assert.equal(egressRules(at, {
    internet: false,
    networks: [{ cidr: '10.0.0.0/8', protocol: 'udp', ports: [{ from: 53, to: 53 }, { from: 8000, to: 8100 }] }, { cidr: '10.1.0.0/16', protocol: 'icmp', ports: [] }, { cidr: '10.2.0.0/16', protocol: 'all', ports: [] }],
    names: [{ name: 'a.test', protocol: 'tcp', ports: [], within: ['0.0.0.0/0'] }, { name: '*', protocol: 'all', ports: [], within: [] }],
  }), [
    'add set inet t c_name0 { type ipv4_addr; flags timeout; size 4096; }',
    'add set inet t c_name1 { type ipv4_addr; flags timeout; size 4096; }',
    'add rule inet t c ip daddr 10.0.0.0/8 udp dport { 53, 8000-8100 } goto allowed',
    'add rule inet t c ip daddr 10.1.0.0/16 meta l4proto icmp goto allowed',
    'add rule inet t c ip daddr 10.2.0.0/16 goto allowed',
    'add rule inet t c ip daddr @c_name0 meta l4proto tcp goto allowed',
  ].join('\n'));
});

/** As the kernel sends it: a netlink message with prefix and packet. */
function logged(prefix: string, packet: Buffer): Buffer {
  const attribute = (type: number, value: Buffer): Buffer => {
    const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
    bytes.writeUInt16LE(4 + value.length, 0);
    bytes.writeUInt16LE(type, 2);
    value.copy(bytes, 4);
    return bytes;
  };
  const body = Buffer.concat([Buffer.alloc(4), attribute(10, Buffer.from(`${prefix}\0`)), attribute(9, packet)]);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(16 + body.length, 0);
  head.writeUInt16LE(4 << 8, 4);
  return Buffer.concat([head, body]);
}

const packet = (protocol: number, port: number): Buffer => Buffer.from([0x45, 0, 0, 40, 0, 0, 0, 0, 64, protocol, 0, 0, 198, 18, 0, 1, 192, 0, 2, 7, 0x80, 0, port >> 8, port & 0xff]);

test('logged packets: verdict, addresses, port; messages of other kinds are passed over', () => {
  const other = Buffer.alloc(16);
  other.writeUInt32LE(16, 0);
  assert.deepEqual(parseBatch(Buffer.concat([logged('allow', packet(6, 443)), other, logged('deny', packet(17, 53)), logged('deny', packet(1, 0)), logged('deny', packet(132, 9))])), [
    { prefix: 'allow', source: '198.18.0.1', destination: '192.0.2.7', protocol: 'tcp', port: 443 },
    { prefix: 'deny', source: '198.18.0.1', destination: '192.0.2.7', protocol: 'udp', port: 53 },
    { prefix: 'deny', source: '198.18.0.1', destination: '192.0.2.7', protocol: 'icmp', port: undefined },
    { prefix: 'deny', source: '198.18.0.1', destination: '192.0.2.7', protocol: '132', port: undefined },
  ]);
});

test('a guest\'s packet, whatever is in it, breaks nothing', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    const [first] = parseBatch(Buffer.concat([logged('deny', Buffer.from(bytes)), logged('allow', packet(6, 1))])).slice(-1);
    assert.equal(first?.prefix, 'allow');
  }), { numRuns: 2000 });
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseBatch(Buffer.from(bytes))), { numRuns: 2000 });
});
