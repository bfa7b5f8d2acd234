/** Reproducible nonsense: seeds of each kind, broken in the ways bytes break. */

export type Random = () => number;

/** mulberry32: small, and the same everywhere. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[below(random, from.length)] as T;
}

/** Bytes that mean something to some parser. */
const LOADED = ['\r\n', '\n', '\r', '\0', ':', ',', ' ', '\t', ';', '0', '5', 'f'.repeat(16), '\xff', '\x80', '%', '.', '{', '}', '"', '\\', 'chunked', 'HTTP/1.1', 'Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', '\r\n\r\n'];

/** The seed with up to six changes: bytes flipped, removed, repeated, swapped, or loaded ones put in. */
export function mutated(random: Random, seed: string): string {
  let text = seed;
  for (let changes = 1 + below(random, 6); changes > 0; changes -= 1) {
    const at = below(random, text.length + 1);
    const to = Math.min(text.length, at + below(random, 8));
    switch (below(random, 5)) {
      case 0: text = text.slice(0, at) + String.fromCharCode(below(random, 256)) + text.slice(at + 1); break;
      case 1: text = text.slice(0, at) + text.slice(to); break;
      case 2: text = text.slice(0, to) + text.slice(at); break;
      case 3: text = text.slice(0, at) + pick(random, LOADED) + text.slice(at); break;
      default: text = text.slice(at) + text.slice(0, at);
    }
  }
  return text;
}

/** The bytes in pieces, as a network may deliver them. */
export function pieces(random: Random, bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + below(random, random() < 0.5 ? 3 : bytes.length);
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return parts;
}
