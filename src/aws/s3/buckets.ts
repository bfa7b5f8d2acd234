/** All buckets of the server. Names are shared by all accounts, as on S3; a bucket belongs to the account that made it. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { S3Error } from '../contracts.js';
import { Bucket, type BucketInfo } from './bucket.js';
import { noSuchBucket } from './errors.js';
import { readJson, writeJson } from './files.js';

const infoSchema = z.object({ name: z.string(), accountId: z.string(), createdAt: z.number() });
/** Being removed, or half made: never a bucket's name, which starts with a letter or digit. */
const hidden = '.';

export interface Buckets {
  create(name: string, accountId: string): Promise<void>;
  /** Throws S3Error NoSuchBucket, AccessDenied. */
  get(name: string, accountId: string): Promise<Bucket>;
  list(accountId: string): Promise<BucketInfo[]>;
  /** Throws S3Error NoSuchBucket, AccessDenied, BucketNotEmpty. */
  delete(name: string, accountId: string): Promise<void>;
}

export function createBuckets(root: string, clock: () => number): Buckets {
  let loading: Promise<Map<string, Promise<Bucket>>> | undefined;

  /** Once; a failure is not kept, so that the next request tries again. */
  function loaded(): Promise<Map<string, Promise<Bucket>>> {
    loading ??= load(root).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  }

  async function owned(name: string, accountId: string): Promise<Bucket> {
    const bucket = await (await loaded()).get(name);
    if (!bucket) throw noSuchBucket(name);
    if (bucket.info.accountId !== accountId) throw new S3Error('AccessDenied', 'Access Denied');
    return bucket;
  }

  return {
    get: owned,

    async create(name, accountId) {
      checkName(name);
      const buckets = await loaded();
      const before = await buckets.get(name);
      // In us-east-1 S3 answers 200 to this, elsewhere 409. Unknown: bucket-recreate
      if (before?.info.accountId === accountId) {
        throw new S3Error('BucketAlreadyOwnedByYou', 'Your previous request to create the named bucket succeeded and you already own it.', { BucketName: name });
      }
      // Asked again without a pause since: two requests for one name may both have waited above.
      if (before || buckets.has(name)) {
        throw new S3Error('BucketAlreadyExists', 'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.', { BucketName: name });
      }
      const making = make(root, { name, accountId, createdAt: clock() });
      buckets.set(name, making);
      try {
        await making;
      } catch (error) {
        buckets.delete(name);
        throw error;
      }
    },

    async list(accountId) {
      const all = await Promise.all((await loaded()).values());
      return all.map((bucket) => bucket.info).filter((info) => info.accountId === accountId).sort((a, b) => (a.name < b.name ? -1 : 1));
    },

    async delete(name, accountId) {
      const bucket = await owned(name, accountId);
      if (!(await bucket.closeIfEmpty())) throw new S3Error('BucketNotEmpty', 'The bucket you tried to delete is not empty', { BucketName: name });
      const grave = join(root, `${hidden}${randomUUID()}`);
      await rename(bucket.dir, grave);
      (await loaded()).delete(name);
      await rm(grave, { recursive: true, force: true });
    },
  };
}

async function load(root: string): Promise<Map<string, Promise<Bucket>>> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const buckets = new Map<string, Promise<Bucket>>();
  for (const name of await readdir(root)) {
    const dir = join(root, name);
    const info = infoSchema.safeParse(name.startsWith(hidden) ? undefined : await readJson(join(dir, 'bucket.json')));
    if (info.success) buckets.set(name, Promise.resolve(await Bucket.open(info.data, dir)));
    else if (name.startsWith(hidden)) await rm(dir, { recursive: true, force: true });
  }
  return buckets;
}

/** In a hidden folder first: a bucket with no owner must not appear after a crash. */
async function make(root: string, info: BucketInfo): Promise<Bucket> {
  const draft = join(root, `${hidden}${randomUUID()}`);
  const dir = join(root, info.name);
  await mkdir(draft, { mode: 0o700 });
  await writeJson(join(draft, 'bucket.json'), info);
  await rename(draft, dir);
  return Bucket.open(info, dir);
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; it also keeps paths inside the root. */
function checkName(name: string): void {
  const good = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !/^\d+\.\d+\.\d+\.\d+$/.test(name) && !/^(xn--|sthree-)/.test(name);
  if (!good) throw new S3Error('InvalidBucketName', 'The specified bucket is not valid.', { BucketName: name });
}
