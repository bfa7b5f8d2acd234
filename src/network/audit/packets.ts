/** Netlink messages of nflog: which packet, and what the rule that logged it said. All bytes of the packet are a guest's. */

export interface LoggedPacket {
  /** The rule's. */
  readonly prefix: string;
  readonly source: string;
  readonly destination: string;
  /** `tcp`, `udp`, `icmp`, or the number. */
  readonly protocol: string;
  /** Of TCP and UDP. */
  readonly port?: number | undefined;
}

const PACKET = (4 << 8) | 0;
const PAYLOAD = 9;
const PREFIX = 10;
const NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp' };

/** What is not a packet of IPv4 is left out. */
export function parseBatch(batch: Buffer): LoggedPacket[] {
  const packets: LoggedPacket[] = [];
  for (let at = 0; at + 16 <= batch.length;) {
    const length = batch.readUInt32LE(at);
    if (length < 16 || at + length > batch.length) break;
    if (batch.readUInt16LE(at + 4) === PACKET) {
      const packet = parsePacket(attributes(batch.subarray(at + 20, at + length)));
      if (packet !== undefined) packets.push(packet);
    }
    at += aligned(length);
  }
  return packets;
}

function attributes(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    found.set(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += aligned(length);
  }
  return found;
}

function parsePacket(found: ReadonlyMap<number, Buffer>): LoggedPacket | undefined {
  const ip = found.get(PAYLOAD);
  const prefix = found.get(PREFIX)?.toString('latin1').replace(/\0+$/, '').trim();
  if (ip === undefined || prefix === undefined || ip.length < 20 || ip.readUInt8(0) >> 4 !== 4) return undefined;
  const protocol = ip.readUInt8(9);
  const header = (ip.readUInt8(0) & 0x0f) * 4;
  const ports = (protocol === 6 || protocol === 17) && ip.length >= header + 4;
  return {
    prefix,
    source: ip.subarray(12, 16).join('.'),
    destination: ip.subarray(16, 20).join('.'),
    protocol: NAMES[protocol] ?? String(protocol),
    port: ports ? ip.readUInt16BE(header + 2) : undefined,
  };
}

function aligned(length: number): number {
  return Math.ceil(length / 4) * 4;
}
