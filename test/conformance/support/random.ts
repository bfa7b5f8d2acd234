/** Reproducible randomness and the odd values that parsers trip over. */

export interface Random {
  /** 0 <= n < below */
  int(below: number): number;
  chance(percent: number): boolean;
  pick<T>(from: readonly T[]): T;
  bytes(length: number): Buffer;
}

/** mulberry32: 32 bits of state are enough to name a run by its seed. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const int = (below: number): number => next() % below;
  return {
    int,
    chance: (percent) => int(100) < percent,
    pick: (from) => {
      const picked = from[int(from.length)];
      if (picked === undefined) throw new Error('picked from nothing');
      return picked;
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => int(256))),
  };
}

const oddTexts = [
  '', ' ', 'x', '0', '-1', 'null', 'true', 'a'.repeat(300), '\u0000', '\r\n', '\ud800', 'é', '\u{1f980}', '../../etc/passwd', '%00', '%', '<x>', '"', "'", '\\', '${x}', '*', 'arn:', 'arn:aws:lambda:::microvm-image:x',
  'arn:aws:lambda:us-east-1:123456789012:microvm-image:x', 'arn:aws:iam::123456789012:role/x', 's3://', 's3://b/k', '[', '(?', '1e309', '2026-01-01T00:00:00Z', '__proto__', 'constructor', '\u202e',
];
const oddNumbers = ['0', '-0', '1', '-1', '0.5', '1e309', '-1e309', '1e-400', '9007199254740993', '2147483648', '65536', '28801', '60', '00', '0x1', 'NaN'];

export function oddText(random: Random): string {
  return random.pick(oddTexts);
}

/** Text that is nearly always JSON, made of `names` at every level. */
export function oddJson(random: Random, names: readonly string[], depth = 0): string {
  const kind = random.int(depth > 4 ? 4 : 7);
  const many = (make: () => string): string => Array.from({ length: random.int(5) }, make).join(',');
  if (kind === 0) return random.pick(['null', 'true', 'false', ...(random.chance(2) ? ['undefined', "'x'", ''] : [])]);
  if (kind === 1) return random.pick(oddNumbers.slice(0, random.chance(3) ? undefined : -3));
  if (kind <= 3) return JSON.stringify(oddText(random));
  if (kind === 4) return `[${many(() => oddJson(random, names, depth + 1))}]`;
  return oddObject(random, names, depth);
}

export function oddObject(random: Random, names: readonly string[], depth = 0): string {
  const members = Array.from({ length: random.int(6) }, () => `${JSON.stringify(random.chance(90) ? random.pick(names) : oddText(random))}:${oddJson(random, names, depth + 1)}`);
  return `{${members.join(',')}}`;
}

/** Cut, repeated, or with some bytes changed. */
export function damaged(random: Random, bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  switch (random.int(4)) {
    case 0:
      return bytes.subarray(0, random.int(bytes.length));
    case 1:
      return Buffer.concat([bytes, bytes.subarray(random.int(bytes.length))]);
    case 2: {
      const at = random.int(bytes.length);
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.int(6)), bytes.subarray(at)]);
    }
    default: {
      const copy = Buffer.from(bytes);
      for (let i = 0; i <= random.int(4); i += 1) copy[random.int(copy.length)] = random.int(256);
      return copy;
    }
  }
}
