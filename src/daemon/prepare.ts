/** Makes all assets ahead, without serving. */
import { mkdir, rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Progress } from '../assets/contracts.js';
import type { Config } from '../config/config.js';
import type { Vm } from '../engine/contracts.js';
import { createQemuEngine } from '../engine/qemu/engine.js';
import { createGuestAgent } from '../guest/agent.js';
import { GUEST_NET } from '../network/contracts.js';
import { openLinkPool } from '../network/pool.js';
import { ensureBuilder, ensureGuest } from './assets.js';

export async function prepareAssets(config: Config, logger: Logger, progress: Progress): Promise<void> {
  const guest = await ensureGuest(config, progress);
  const runDir = `/run/tardigrade/setup-${process.pid}`;
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  const links = await openLinkPool({ linkCidr: config.linkCidr, egressDeny: config.egressDeny, poolSize: 0, owner: runDir, logger });
  try {
    const engine = createQemuEngine({ ...guest, runDir });
    const agentFor = (vm: Vm) => createGuestAgent((signal) => vm.dial(GUEST_NET.agentPort, signal));
    await ensureBuilder(config, guest, { engine, links, agentFor }, progress);
  } finally {
    await links.close();
    await rm(runDir, { recursive: true, force: true });
  }
}
