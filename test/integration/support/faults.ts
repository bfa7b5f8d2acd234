/** A service whose daemon is a child process that dies on command; the next one serves the same folder at the same address. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { LambdaMicrovmsClient } from '@aws-sdk/client-lambda-microvms';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { type Config, loadConfig } from '../../../src/config/config.js';
import { runDirOf } from '../../../src/daemon/lock.js';
import { findVmms } from '../../../src/engine/qemu/survivors.js';
import type { Fault, Tells, Told } from './faulty-daemon.js';
import { residue } from './residue.js';
import { BUCKET, type Service } from './service.js';

const CHILD = new URL('faulty-daemon.ts', import.meta.url);

export interface Faulty {
  /** As the tests' helpers take it; always of the daemon that serves now. */
  readonly service: Service;
  /** The daemon, or a VMM of it, will be killed at that step. */
  arm(fault: Fault): void;
  /** Resolves when the daemon has died of its fault. */
  died(): Promise<void>;
  /** Resolves when a VMM was killed. */
  struck(): Promise<void>;
  /** SIGKILL, from outside. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  close(guests: 'suspend' | 'keep'): Promise<void>;
  /** What is on the host of MicroVMs that ended: all zero is right. */
  leftovers(): Promise<Record<string, number>>;
}

export async function startFaulty(dataDir: string, env: Readonly<Record<string, string>> = {}): Promise<Faulty> {
  const variables = {
    ...process.env,
    TARDIGRADE_UNLIMITED: '1', TARDIGRADE_DATA_DIR: dataDir, TARDIGRADE_LOG_LEVEL: 'silent',
    TARDIGRADE_API_PORT: String(await freePort()), TARDIGRADE_ENDPOINT_PORT: String(await freePort()),
    // None waiting: whatever namespace is there is a MicroVM's.
    TARDIGRADE_LINK_POOL: '0',
    ...env,
  };
  const config: Config = loadConfig(variables);
  let child: ChildProcess;
  let service!: Service;

  const start = async (): Promise<void> => {
    child = fork(CHILD, { execArgv: ['--import', 'tsx'], env: variables, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const ready = await told(child, (message) => ('ready' in message ? message.ready : undefined));
    const client = { endpoint: ready.apiUrl, region: config.region, credentials: ready, maxAttempts: 1 };
    const s3 = new S3Client({ ...client, forcePathStyle: true });
    service = {
      config, s3,
      microvms: new LambdaMicrovmsClient(client),
      daemon: { caFile: ready.caFile } as Service['daemon'],
      upload: async (key, zip) => {
        await s3.send(new CreateBucketCommand({ Bucket: BUCKET })).catch((error: unknown) => {
          if (!(error instanceof Error) || error.name !== 'BucketAlreadyOwnedByYou') throw error;
        });
        await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: zip }));
        return `s3://${BUCKET}/${key}`;
      },
    };
  };
  const tell = (message: Told): void => void child.send(message);
  const gone = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    service.microvms.destroy();
    service.s3.destroy();
  };
  await start();
  return {
    get service() {
      return service;
    },
    arm: (fault) => tell({ arm: fault }),
    died: gone,
    struck: async () => {
      await told(child, (message) => ('reached' in message ? message.reached : undefined));
    },
    kill: async () => {
      child.kill('SIGKILL');
      await gone();
    },
    restart: start,
    close: async (guests) => {
      tell({ close: guests });
      await gone();
    },
    leftovers: async () => {
      const { namespaces, links, taps, mounts, loops } = await residue();
      return {
        namespaces, links, taps, mounts, loops,
        vmms: (await findVmms(await runDirOf(dataDir))).size,
        vmFolders: (await readdir(join(dataDir, 'microvms'))).length,
      };
    },
  };
}

function told<T>(child: ChildProcess, pick: (message: Tells) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: Tells): void => {
      const picked = pick(message);
      if (picked === undefined) return;
      child.off('message', onMessage).off('exit', onExit);
      resolve(picked);
    };
    const onExit = (): void => {
      child.off('message', onMessage);
      reject(new Error('the daemon ended'));
    };
    child.on('message', onMessage).once('exit', onExit);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
