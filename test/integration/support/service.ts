/**
 * The real service in this process, with a data folder of its own, driven by the real SDK. One is shared by all
 * suites of a run, and the Flask image is built once.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LambdaMicrovmsClient } from '@aws-sdk/client-lambda-microvms';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { pino } from 'pino';
import { createProgress } from '../../../src/cli/progress.js';
import { type Config, loadConfig } from '../../../src/config/config.js';
import { type Daemon, startDaemon } from '../../../src/daemon/daemon.js';

export const BASE_IMAGE = 'arn:aws:lambda:us-east-1:aws:microvm-image:al2023-1';
export const ROLE = 'arn:aws:iam::000000000000:role/test';
export const BUCKET = 'artifacts';

export interface Service {
  readonly config: Config;
  readonly daemon: Daemon;
  readonly microvms: LambdaMicrovmsClient;
  readonly s3: S3Client;
  /** Puts a zip and answers its `s3://` uri. */
  upload(key: string, zip: Buffer): Promise<string>;
}

export async function newDataDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'tardigrade-test-'));
}

/** Starts a service on free ports over `dataDir`, with `settings` over the environment's. Throttling is off: tests call as fast as they can. */
export async function startService(dataDir: string, settings: NodeJS.ProcessEnv = {}): Promise<Service> {
  const config: Config = {
    ...loadConfig({ ...process.env, ...settings, TARDIGRADE_UNLIMITED: '1', TARDIGRADE_DATA_DIR: dataDir, TARDIGRADE_LOG_LEVEL: 'error' }),
    apiPort: 0,
    endpointPort: 0,
  };
  const daemon = await startDaemon(config, pino({ level: config.logLevel }, pino.destination(2)), createProgress());
  const client = { endpoint: daemon.apiUrl, region: config.region, credentials: { accessKeyId: daemon.credentials.accessKeyId, secretAccessKey: daemon.credentials.secretAccessKey }, maxAttempts: 1 };
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  return {
    config,
    daemon,
    s3,
    microvms: new LambdaMicrovmsClient(client),
    upload: async (key, zip) => {
      await s3.send(new CreateBucketCommand({ Bucket: BUCKET })).catch((error: unknown) => {
        if (!(error instanceof Error) || error.name !== 'BucketAlreadyOwnedByYou') throw error;
      });
      await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: zip }));
      return `s3://${BUCKET}/${key}`;
    },
  };
}

let shared: Promise<Service> | undefined;
let kept = false;

/** The run's service; {@link closeShared} ends it. */
export function sharedService(): Promise<Service> {
  return (shared ??= newDataDir().then(startService));
}

/** Several suites run in this process: the service lives until `closeShared('now')`. */
export function keepShared(): void {
  kept = true;
}

export async function closeShared(when: 'unless-kept' | 'now' = 'unless-kept'): Promise<void> {
  if (kept && when === 'unless-kept') return;
  const service = await shared;
  shared = undefined;
  if (service === undefined) return;
  service.microvms.destroy();
  service.s3.destroy();
  await service.daemon.close();
  await rm(service.config.dataDir, { recursive: true, force: true });
}
