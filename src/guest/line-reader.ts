import { GuestAgentError } from './contracts.js';

/** Splits bytes of a guest into lines of at most `max` bytes. */
export class LineReader {
  #pending: Buffer[] = [];
  #size = 0;

  constructor(private readonly max: number) {}

  /** Whole lines, without their newlines. Throws GuestAgentError at a longer line. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      this.#keep(chunk.subarray(start, end));
      lines.push(Buffer.concat(this.#pending).toString('utf8'));
      this.#pending = [];
      this.#size = 0;
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  #keep(part: Buffer): void {
    this.#size += part.length;
    if (this.#size > this.max) throw new GuestAgentError(`a line of the guest agent exceeds ${this.max} bytes`);
    if (part.length > 0) this.#pending.push(part);
  }
}
