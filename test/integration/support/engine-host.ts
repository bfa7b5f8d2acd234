/** What an engine needs of its host, for tests without a daemon. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createProgress } from '../../../src/cli/progress.js';
import { type Config, loadConfig } from '../../../src/config/config.js';
import { ensureGuest, type GuestAssets } from '../../../src/daemon/assets.js';
import type { LinkPool } from '../../../src/network/contracts.js';
import { openLinkPool } from '../../../src/network/pool.js';

export interface EngineHost {
  readonly config: Config;
  readonly guest: GuestAssets;
  /** Empty; gone after {@link close}. */
  readonly dir: string;
  readonly runDir: string;
  readonly links: LinkPool;
  /** Called by {@link close}, the last one first. */
  readonly held: (() => unknown)[];
  close(): Promise<void>;
}

/** `name`: tells the test's folders and links from others'. */
export async function openEngineHost(name: string): Promise<EngineHost> {
  const dir = await mkdtemp(join(tmpdir(), `tardigrade-${name}-`));
  const held: (() => unknown)[] = [() => rm(dir, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const release of held.splice(0).reverse()) await release();
  };
  try {
    const config = loadConfig();
    const guest = await ensureGuest(config, createProgress());
    const runDir = `/run/tardigrade/${name}-test-${process.pid}`;
    await mkdir(runDir, { recursive: true });
    held.push(() => rm(runDir, { recursive: true }));
    const links = await openLinkPool({ linkCidr: config.linkCidr, egressDeny: config.egressDeny, poolSize: 0, owner: runDir, logger: pino({ level: 'silent' }) });
    held.push(() => links.close());
    return { config, guest, dir, runDir, links, held, close };
  } catch (error) {
    await close();
    throw error;
  }
}
