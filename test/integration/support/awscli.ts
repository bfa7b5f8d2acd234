/**
 * The AWS CLI that knows MicroVMs: Debian sid's, in a folder of its own made once from packages, since Debian 12's is
 * older than the service. Run by chroot, against the service under test.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { createProgress } from '../../../src/cli/progress.js';
import { digestOf, ensureAsset } from '../../../src/assets/store.js';
import { run } from '../../../src/assets/shell.js';
import type { Service } from './service.js';

const MIRROR = 'http://deb.debian.org/debian';

export interface AwsCli {
  readonly version: string;
  /** The folder it is the root of. */
  readonly root: string;
  /** Standard output. Rejects with what the CLI said. */
  text(args: readonly string[], stdin?: Buffer): Promise<string>;
  /** Standard output as JSON. */
  json<T>(args: readonly string[]): Promise<T>;
}

/** Throws when the packages cannot be had; the message says why. */
export async function awsCli(service: Service): Promise<AwsCli> {
  const dir = await ensureAsset(service.config.assetsDir, 'awscli', digestOf(MIRROR, 'layout-1'), (target) =>
    createProgress().step('AWS CLI from Debian sid: install packages', async () => {
      await run('mmdebstrap', [
        '--variant=minbase', '--include=awscli,ca-certificates', '--aptopt=Acquire::Languages "none"',
        // A mirror that is a frozen copy has an expired date; its signature is checked all the same.
        '--aptopt=Acquire::Check-Valid-Until "false"', 'sid', join(target, 'root'), MIRROR,
      ]);
    }));
  const { daemon, config } = service;
  const variables = {
    PATH: '/usr/bin:/bin', HOME: '/root', AWS_PAGER: '', LANG: 'C.UTF-8',
    AWS_ENDPOINT_URL: daemon.apiUrl, AWS_REGION: config.region, AWS_MAX_ATTEMPTS: '1',
    AWS_ACCESS_KEY_ID: daemon.credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: daemon.credentials.secretAccessKey,
  };
  const text = (args: readonly string[], stdin?: Buffer): Promise<string> =>
    new Promise((resolve, reject) => {
      const child = execFile('/usr/sbin/chroot', [join(dir, 'root'), 'aws', ...args], { env: variables, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`aws ${args.join(' ')}: ${stderr.trim() || error.message}`));
      });
      child.stdin?.end(stdin);
    });
  return { root: join(dir, 'root'), version: (await text(['--version'])).trim(), text, json: async <T>(args: readonly string[]) => JSON.parse(await text([...args, '--output', 'json'])) as T };
}
