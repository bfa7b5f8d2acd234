/**
 * A suspension on disk: `suspension/` in the VM's folder, next to its disk overlay. One complete set of files, never
 * a chain: pages of earlier suspensions were laid back as private pages and are in each later set again.
 *
 *   device-state   as QEMU writes it
 *   pages          the dirtied pages, one after the other, in the order of the runs
 *   manifest.json  magic, schema, template it belongs to, the runs, checksums; written last
 */
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../errors/index.js';
import { SnapshotRefusedError, SuspensionSpentError, type SuspensionInfo } from '../contracts.js';
import { PAGE } from '../linux/pagemap.js';
import { dirtyRuns, ramMappings } from './dirty.js';
import { hashFile } from './digest.js';
import { copyPages, layPages } from './pages.js';

const manifestSchema = z.object({
  magic: z.literal('tardigrade-suspension'),
  schema: z.literal(1),
  /** sha256 of the template's device state: the template these pages lie over. */
  template: z.string().length(64),
  runs: z.array(z.tuple([z.number().int().nonnegative(), z.number().int().positive()])), // [page, count]
  deviceStateSha256: z.string().length(64),
  pagesSha256: z.string().length(64),
});

export const suspensionPaths = (vmDir: string) => {
  const dir = join(vmDir, 'suspension');
  return { dir, pending: join(vmDir, 'suspension.new'), spent: join(vmDir, 'suspension.spent'), deviceState: 'device-state', pages: 'pages', manifest: 'manifest.json' };
};

/**
 * Collects a stopped VM's dirty pages beside the device state already in the pending folder, makes them and the
 * VM's own disks durable, and only then puts the suspension in place: memory and disk are valid together or not at all.
 */
export async function writeSuspension(vmDir: string, pid: number, ramPath: string, templateDigest: string, diskPaths: readonly string[]): Promise<SuspensionInfo> {
  const paths = suspensionPaths(vmDir);
  const mappings = await ramMappings(pid, ramPath);
  const runs = await dirtyRuns(pid, mappings);
  const statePath = join(paths.pending, paths.deviceState);
  const [pagesSha256] = await Promise.all([copyPages(pid, mappings, runs, join(paths.pending, paths.pages)), ...[statePath, ...diskPaths].map(syncFile)]);
  const manifest = {
    magic: 'tardigrade-suspension',
    schema: 1,
    template: templateDigest,
    runs: runs.map((run) => [run.page, run.count]),
    deviceStateSha256: await hashFile(statePath),
    pagesSha256,
  } satisfies z.input<typeof manifestSchema>;
  const file = await open(join(paths.pending, paths.manifest), 'wx', 0o600);
  try {
    await file.writeFile(JSON.stringify(manifest));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(paths.pending, paths.dir);
  await rm(paths.spent, { recursive: true, force: true });
  await syncFile(vmDir);
  const dirtyPages = runs.reduce((sum, run) => sum + run.count, 0);
  return { dirtyPages, bytes: dirtyPages * PAGE + (await stat(join(paths.dir, paths.deviceState))).size };
}

export interface Suspension {
  readonly deviceState: string;
  /** Writes the pages into a VMM that has mapped its RAM but loaded no device state yet. */
  readonly layPages: (pid: number, ramPath: string) => Promise<void>;
  /** Takes the suspension out of use, durably; to be called before the guest runs. */
  readonly spend: () => Promise<void>;
  /** Takes that back, when the guest did not get to run. */
  readonly restore: () => Promise<void>;
}

/** Throws {@link SnapshotRefusedError} when it is incomplete, damaged or lies over another template. */
export async function openSuspension(vmDir: string, templateDigest: string): Promise<Suspension> {
  const paths = suspensionPaths(vmDir);
  const manifestPath = join(paths.dir, paths.manifest);
  const text = await readFile(manifestPath, 'utf8').catch(async (error: unknown) => {
    if (await stat(paths.spent).catch(() => undefined)) throw new SuspensionSpentError(`${paths.spent}: the guest already ran on from its suspended memory, which its disk no longer fits`);
    throw new SnapshotRefusedError(`no suspension to resume from: ${messageOf(error)}`);
  });
  const parsed = manifestSchema.safeParse(parseJson(text));
  if (!parsed.success) throw new SnapshotRefusedError(`${manifestPath}: not a suspension manifest of schema 1`);
  const manifest = parsed.data;
  if (manifest.template !== templateDigest) throw new SnapshotRefusedError(`${manifestPath}: the suspension lies over template ${manifest.template}, the image's is ${templateDigest}`);
  const deviceState = join(paths.dir, paths.deviceState);
  const stateDigest = await hashFile(deviceState);
  if (stateDigest !== manifest.deviceStateSha256) throw new SnapshotRefusedError(`${deviceState} is damaged: sha256 ${stateDigest}, the manifest says ${manifest.deviceStateSha256}`);
  const runs = manifest.runs.map(([page, count]) => ({ page, count }));
  return {
    deviceState,
    layPages: async (pid, ramPath) => {
      const digest = await layPages(pid, ramPath, runs, join(paths.dir, paths.pages));
      if (digest !== manifest.pagesSha256) throw new SnapshotRefusedError(`${join(paths.dir, paths.pages)} is damaged: sha256 ${digest}, the manifest says ${manifest.pagesSha256}`);
    },
    spend: async () => {
      await rename(paths.dir, paths.spent);
      await syncFile(vmDir);
    },
    restore: () => rename(paths.spent, paths.dir),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SnapshotRefusedError(`suspension manifest: ${messageOf(error)}`);
  }
}

/** fsync of a file or folder by path. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** An empty pending folder for a new suspension. */
export async function preparePending(vmDir: string): Promise<string> {
  const { pending, deviceState } = suspensionPaths(vmDir);
  await rm(pending, { recursive: true, force: true });
  await mkdir(pending, { mode: 0o700 });
  return join(pending, deviceState);
}
