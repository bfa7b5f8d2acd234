/** Cyclic redundancy checks that Node has not: CRC-32C and CRC-64/NVME, both reflected, initial and final value all ones. */

/** A running check over bytes. */
export interface Checksum {
  update(data: Buffer): void;
  /** base64 of the big-endian value, as S3 writes it */
  digest(): string;
}

const table32c = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

export function crc32c(): Checksum {
  let crc = 0xffffffff;
  return {
    update(data) {
      for (const byte of data) crc = (crc >>> 8) ^ (table32c[(crc ^ byte) & 0xff] ?? 0);
    },
    digest: () => base64Of([~crc >>> 0]),
  };
}

/** In halves of 32 bits: BigInt arithmetic would be about fifty times slower. */
const [table64High, table64Low] = makeTable64();

export function crc64nvme(): Checksum {
  let high = 0xffffffff;
  let low = 0xffffffff;
  return {
    update(data) {
      for (const byte of data) {
        const index = (low ^ byte) & 0xff;
        low = ((low >>> 8) | (high << 24)) ^ (table64Low[index] ?? 0);
        high = (high >>> 8) ^ (table64High[index] ?? 0);
      }
    },
    digest: () => base64Of([~high >>> 0, ~low >>> 0]),
  };
}

function makeTable64(): [Uint32Array, Uint32Array] {
  const polynomial = 0x9a6c9329ac4bc9b5n;
  const high = new Uint32Array(256);
  const low = new Uint32Array(256);
  for (let index = 0; index < 256; index += 1) {
    let crc = BigInt(index);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
    high[index] = Number(crc >> 32n);
    low[index] = Number(crc & 0xffffffffn);
  }
  return [high, low];
}

function base64Of(words: readonly number[]): string {
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => bytes.writeUInt32BE(word, i * 4));
  return bytes.toString('base64');
}
