/**
 * Checksums of a suspension's disk layers: `suspension/seal.json`. They may hold gigabytes, so they are hashed after
 * the suspension is in place and beside everything else, and compared at the first resume after a reboot of the host:
 * what can damage them unseen is a host that went down.
 */
import { readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SnapshotRefusedError } from '../contracts.js';
import { hashFile } from './digest.js';
import { bootId } from './verified.js';

const schema = z.object({ bootId: z.string(), layers: z.record(z.string(), z.string().length(64)) });

const pathOf = (vmDir: string): string => join(vmDir, 'suspension', 'seal.json');

/** Rejects with the signal's reason when the VM is needed again before all is hashed. */
export async function sealDisks(vmDir: string, signal: AbortSignal): Promise<void> {
  const layers: Record<string, string> = {};
  for (const name of (await readdir(vmDir)).filter((file) => file.endsWith('.qcow2'))) {
    layers[name] = await hashFile(join(vmDir, name), signal);
  }
  const seal: z.input<typeof schema> = { bootId: await bootId(), layers };
  await writeFile(`${pathOf(vmDir)}.new`, JSON.stringify(seal), { mode: 0o600, flush: true });
  signal.throwIfAborted();
  await rename(`${pathOf(vmDir)}.new`, pathOf(vmDir));
}

/** Throws {@link SnapshotRefusedError} when a layer changed over a reboot. A suspension without a seal passes. */
export async function verifySeal(vmDir: string): Promise<void> {
  const text = await readFile(pathOf(vmDir), 'utf8').catch(() => undefined); // not sealed yet
  if (text === undefined) return;
  const seal = schema.safeParse(JSON.parse(text));
  if (!seal.success) throw new SnapshotRefusedError(`${pathOf(vmDir)} is damaged`);
  if (seal.data.bootId === (await bootId())) return;
  for (const [name, sha256] of Object.entries(seal.data.layers)) {
    const digest = await hashFile(join(vmDir, name));
    if (digest !== sha256) throw new SnapshotRefusedError(`${join(vmDir, name)} is damaged: sha256 ${digest}, it was sealed with ${sha256}`);
  }
}
