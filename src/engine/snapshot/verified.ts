/**
 * When a template's RAM file is checked in full. Reading it takes some tenths of a second, too long for each launch,
 * and what can damage it unseen is a host that went down before its writes reached the disk: so once per boot of the
 * host, at the first launch. The file `verified` holds the boot id of the last check.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemplateManifest, verifyRam } from './manifest.js';

const MARK = 'verified';

/** Throws SnapshotRefusedError when the RAM file is damaged. */
export async function verifyOncePerBoot(dir: string, manifest: TemplateManifest): Promise<void> {
  const [boot, mark] = await Promise.all([bootId(), readFile(join(dir, MARK), 'utf8').catch(() => '')]); // absent: never checked
  if (mark === boot) return;
  await verifyRam(dir, manifest);
  await writeFile(join(dir, MARK), boot, { mode: 0o600 });
}

/** For a template written just now. */
export async function markVerified(dir: string): Promise<void> {
  await writeFile(join(dir, MARK), await bootId(), { mode: 0o600 });
}

/** Of the host's kernel: another after each boot. */
export function bootId(): Promise<string> {
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8');
}
