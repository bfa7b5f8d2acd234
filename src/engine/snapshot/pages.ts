/** The dirtied pages between a VMM's memory and the file that keeps them, both ways, hashed as they pass. */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { messageOf } from '../../errors/index.js';
import { SnapshotRefusedError } from '../contracts.js';
import { PAGE } from '../linux/pagemap.js';
import { type Place, readPlaces, writePlaces } from '../linux/process-memory.js';
import { addressOf, type Mapping, type PageRun, ramMappings } from './dirty.js';

/** At a time. Hashing them is the one thing that holds the event loop: below 1 ms with the CPU's own SHA-256, 3 without. */
const BATCH_PAGES = 256;

/** Writes the pages of a stopped VM to `target`, a new file. Answers their SHA-256. */
export async function copyPages(pid: number, mappings: readonly Mapping[], runs: readonly PageRun[], target: string): Promise<string> {
  const hash = createHash('sha256');
  const out = await open(target, 'wx', 0o600);
  try {
    const buffer = Buffer.alloc(BATCH_PAGES * PAGE);
    for (const batch of batches(mappings, runs)) {
      const data = buffer.subarray(0, batch.bytes);
      await readPlaces(pid, batch.places, data);
      hash.update(data);
      await out.writeFile(data);
    }
  } finally {
    await out.close();
  }
  return hash.digest('hex');
}

/** Writes the pages of `source` into a VMM. Answers their SHA-256; the caller compares before the guest runs. */
export async function layPages(pid: number, ramPath: string, runs: readonly PageRun[], source: string): Promise<string> {
  const hash = createHash('sha256');
  const mappings = await ramMappings(pid, ramPath);
  const pages = await open(source, 'r').catch((error: unknown) => {
    throw new SnapshotRefusedError(messageOf(error));
  });
  try {
    const buffer = Buffer.alloc(BATCH_PAGES * PAGE);
    for (const batch of batches(mappings, runs)) {
      const data = buffer.subarray(0, batch.bytes);
      await readNext(pages, data, source);
      hash.update(data);
      await writePlaces(pid, batch.places, data);
    }
  } finally {
    await pages.close();
  }
  return hash.digest('hex');
}

async function readNext(file: FileHandle, target: Buffer, path: string): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await file.read(target, done, target.length - done, null);
    if (bytesRead === 0) throw new SnapshotRefusedError(`${path} is truncated`);
    done += bytesRead;
  }
}

interface Batch {
  readonly places: readonly Place[];
  readonly bytes: number;
}

/** The runs in order, in batches of at most BATCH_PAGES: no more places than one call takes. */
export function* batches(mappings: readonly Mapping[], runs: readonly PageRun[]): Generator<Batch> {
  let places: Place[] = [];
  let pages = 0;
  for (const run of runs) {
    for (let done = 0; done < run.count; ) {
      const count = Math.min(run.count - done, BATCH_PAGES - pages);
      places.push({ address: addressOf(mappings, (run.page + done) * PAGE), bytes: count * PAGE });
      pages += count;
      done += count;
      if (pages < BATCH_PAGES) continue;
      yield { places, bytes: pages * PAGE };
      places = [];
      pages = 0;
    }
  }
  if (pages > 0) yield { places, bytes: pages * PAGE };
}
