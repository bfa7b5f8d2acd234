/** Moves bytes from one stream to another, at the pace of the slower one. */
import type { Readable, Writable } from 'node:stream';

/**
 * Neither ends nor destroys `sink`: what the end of the source means is the caller's to say.
 * `onChunk` is called before each write. Returns how to stop; the source is then left flowing into nothing.
 */
export function pump(source: Readable, sink: Writable, onChunk: () => void): () => void {
  const onData = (chunk: Buffer): void => {
    onChunk();
    if (!sink.write(chunk)) source.pause();
  };
  const onDrain = (): void => void source.resume();
  source.on('data', onData);
  sink.on('drain', onDrain);
  return () => {
    source.off('data', onData);
    sink.off('drain', onDrain);
    source.resume();
  };
}
