/**
 * One bucket on disk:
 *
 *     bucket.json            owner and creation time
 *     objects/<sha256>.json  one per key, named by the key's hash: metadata and the name of its blob
 *     blobs/<uuid>           bytes of objects
 *     uploads/<id>/          multipart uploads under way
 *
 * Putting an object writes a new blob, then replaces the metadata file in one rename, then removes the old blob, so that a
 * reader or a crash sees the old object or the new one. Keys are held in memory in listing order. Nothing is synced: after
 * a power cut the newest objects may be gone.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { noSuchBucket, noSuchKey } from './errors.js';
import type { UploadMeter, UploadResult } from './digest.js';
import { isMissing, readJson, writeJson } from './files.js';
import { compareKeys } from './key-order.js';

const metaSchema = z.object({
  key: z.string(),
  blob: z.string().regex(/^[0-9a-f-]{36}$/),
  size: z.number(),
  etag: z.string(), // without quotes
  lastModified: z.number(), // ms since 1970
  /** Content-Type and its like, names in lower case. */
  headers: z.record(z.string(), z.string()),
  /** Without the x-amz-meta- prefix. */
  userMetadata: z.record(z.string(), z.string()),
  checksum: z.object({ algorithm: z.string(), value: z.string() }).optional(),
});
export type ObjectMeta = z.infer<typeof metaSchema>;

export interface BucketInfo {
  readonly name: string;
  readonly accountId: string;
  readonly createdAt: number; // ms since 1970
}

export class Bucket {
  private readonly objects = new Map<string, ObjectMeta>();
  private sorted: readonly string[] | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;

  private constructor(
    readonly info: BucketInfo,
    readonly dir: string,
  ) {}

  /** Reads the metadata of all objects and removes blobs that a crash left without any. */
  static async open(info: BucketInfo, dir: string): Promise<Bucket> {
    const bucket = new Bucket(info, dir);
    for (const folder of ['objects', 'blobs', 'uploads']) await mkdir(join(dir, folder), { recursive: true, mode: 0o700 });
    const used = new Set<string>();
    for (const name of await readdir(join(dir, 'objects'))) {
      if (!name.endsWith('.json')) continue;
      const meta = metaSchema.parse(await readJson(join(dir, 'objects', name)));
      bucket.objects.set(meta.key, meta);
      used.add(meta.blob);
    }
    for (const blob of await readdir(join(dir, 'blobs'))) if (!used.has(blob)) await rm(bucket.blobPath(blob), { force: true });
    return bucket;
  }

  get size(): number {
    return this.objects.size;
  }

  get(key: string): ObjectMeta | undefined {
    return this.objects.get(key);
  }

  /** In S3's order. */
  keys(): readonly string[] {
    this.sorted ??= [...this.objects.keys()].sort(compareKeys);
    return this.sorted;
  }

  /** Writes `body` through `meter` to a blob of its own; the caller commits or discards it. */
  async write(body: Readable, meter: UploadMeter): Promise<{ blob: string; result: UploadResult }> {
    const blob = randomUUID();
    try {
      await pipeline(body, meter.stream, createWriteStream(this.blobPath(blob), { flags: 'wx', mode: 0o600 }));
      return { blob, result: meter.finish() };
    } catch (error) {
      await this.discard(blob);
      throw error;
    }
  }

  discard(blob: string): Promise<void> {
    return rm(this.blobPath(blob), { force: true });
  }

  /** `check` sees the object that is about to be replaced, and may throw; then nothing changes. */
  commit(meta: ObjectMeta, check: (before: ObjectMeta | undefined) => void): Promise<void> {
    return this.inTurn(async () => {
      try {
        if (this.closed) throw noSuchBucket(this.info.name);
        const before = this.objects.get(meta.key);
        check(before);
        await writeJson(this.metaPath(meta.key), meta);
        this.objects.set(meta.key, meta);
        if (before) await this.discard(before.blob);
        else this.sorted = undefined;
      } catch (error) {
        await this.discard(meta.blob);
        throw error;
      }
    });
  }

  delete(key: string): Promise<void> {
    return this.inTurn(async () => {
      const before = this.objects.get(key);
      if (!before) return;
      await rm(this.metaPath(key), { force: true });
      this.objects.delete(key);
      this.sorted = undefined;
      await this.discard(before.blob);
    });
  }

  /** The object as it is now and its open file, which a later put or delete does not disturb. The caller closes it. */
  async open(key: string): Promise<{ meta: ObjectMeta; file: FileHandle }> {
    for (;;) {
      const meta = this.objects.get(key);
      if (!meta) throw noSuchKey(key);
      try {
        return { meta, file: await open(this.blobPath(meta.blob), 'r') };
      } catch (error) {
        // Replaced between the look-up and the open: look again. A blob lost for good is a fault.
        if (!isMissing(error) || this.objects.get(key)?.blob === meta.blob) throw error;
      }
    }
  }

  /** false when there are objects. Afterwards commits are refused. */
  closeIfEmpty(): Promise<boolean> {
    return this.inTurn(() => {
      if (this.objects.size > 0) return Promise.resolve(false);
      this.closed = true;
      return Promise.resolve(true);
    });
  }

  /** Changes of metadata one after the other: what is in memory and on disk stays the same. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work, work);
    this.turn = mine.catch(() => undefined); // the caller of `work` has the error; the next in line does not care
    return mine;
  }

  blobPath(blob: string): string {
    return join(this.dir, 'blobs', blob);
  }

  private metaPath(key: string): string {
    return join(this.dir, 'objects', `${createHash('sha256').update(key).digest('hex')}.json`);
  }
}
