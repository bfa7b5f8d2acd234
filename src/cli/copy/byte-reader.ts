/** Reads a stream by the number of bytes. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes, all kept in memory; undefined when the stream is at its end. */
  async read(length: number): Promise<Buffer | undefined> {
    if (!(await this.#fill())) return undefined;
    const parts: Buffer[] = [];
    for await (const part of this.stream(length)) parts.push(part);
    return Buffer.concat(parts);
  }

  /** The next `length` bytes as they come. Throws when the stream ends before. */
  async *stream(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (!(await this.#fill())) throw new Error('the archive ends in the middle');
      const part = this.#chunk.subarray(0, left);
      this.#chunk = this.#chunk.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  /** Reads to the end of the stream, and keeps nothing. */
  async drain(): Promise<void> {
    while (await this.#fill()) this.#chunk = Buffer.alloc(0);
  }

  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#chunk = next.value;
    }
    return true;
  }
}

export async function drain(stream: AsyncIterable<Buffer>): Promise<void> {
  const iterator = stream[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}
