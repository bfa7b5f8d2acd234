/**
 * A suspension on disk: `suspension/` in the VM's folder, next to its disk layers. One complete set of files, never
 * a chain: pages of earlier suspensions were laid back as private pages and are in each later set again.
 *
 *   device-state   as QEMU writes it
 *   pages          the dirtied pages, one after the other, in the order of the runs
 *   manifest.json  magic, schema, template it belongs to, top disk layers, the runs, checksums; written last
 */
import { createHash } from 'node:crypto';
import { access, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../errors/index.js';
import { SnapshotRefusedError, type SuspensionInfo } from '../contracts.js';
import { PAGE } from '../linux/pagemap.js';
import { dirtyRuns, ramMappings } from './dirty.js';
import { hashFile } from './digest.js';
import { copyPages, layPages } from './pages.js';
import { verifySeal } from './seal.js';

const layerName = z.string().regex(/^[a-z0-9.]+$/);

const manifestSchema = z.object({
  magic: z.literal('tardigrade-suspension'),
  schema: z.literal(2),
  /** sha256 of the template's device state: the template these pages lie over. */
  template: z.string().length(64),
  /** The disk layers in the VM's folder, and of them those the guest wrote to last, in guest order. */
  layers: z.array(z.object({ name: layerName, bytes: z.number().int().positive() })),
  tops: z.array(layerName),
  runs: z.array(z.tuple([z.number().int().nonnegative(), z.number().int().positive()])), // [page, count]
  deviceStateSha256: z.string().length(64),
  pagesSha256: z.string().length(64),
  /** sha256 of all of the above, so that a damaged run does not put pages in the wrong place. */
  sha256: z.string().length(64),
});
type Manifest = z.output<typeof manifestSchema>;

function digestOf({ template, layers, tops, runs, deviceStateSha256, pagesSha256 }: Omit<Manifest, 'sha256'>): string {
  return createHash('sha256').update(JSON.stringify([template, layers.map(({ name, bytes }) => [name, bytes]), tops, runs, deviceStateSha256, pagesSha256])).digest('hex');
}

const FILES = { deviceState: 'device-state', pages: 'pages', manifest: 'manifest.json' } as const;
const inPlace = (vmDir: string): string => join(vmDir, 'suspension');
const pending = (vmDir: string): string => join(vmDir, 'suspension.new');

export interface SuspensionSource {
  readonly pid: number;
  readonly ramPath: string;
  /** sha256 of the template's device state. */
  readonly templateDigest: string;
  /** The layers each disk writes to, and those below, all in the VM's folder. */
  readonly layers: { readonly tops: readonly string[]; readonly all: readonly string[] };
}

/**
 * Collects a stopped VM's dirty pages beside the device state already in the pending folder, and makes them and the
 * VM's own disk layers durable. The VMM is not needed any more then.
 */
export async function writeSuspension(vmDir: string, source: SuspensionSource): Promise<SuspensionInfo> {
  const dir = pending(vmDir);
  const mappings = await ramMappings(source.pid, source.ramPath);
  const runs = await dirtyRuns(source.pid, mappings);
  const statePath = join(dir, FILES.deviceState);
  const pagesPath = join(dir, FILES.pages);
  const manifestPath = join(dir, FILES.manifest);
  const [pagesSha256] = await Promise.all([copyPages(source.pid, mappings, runs, pagesPath), ...source.layers.all.map(syncFile)]);
  const content = {
    magic: 'tardigrade-suspension',
    schema: 2,
    template: source.templateDigest,
    layers: await Promise.all(source.layers.all.map(async (path) => ({ name: basename(path), bytes: (await stat(path)).size }))),
    tops: source.layers.tops.map((path) => basename(path)),
    runs: runs.map((run): [number, number] => [run.page, run.count]),
    deviceStateSha256: await hashFile(statePath),
    pagesSha256,
  } as const;
  const manifest: Manifest = { ...content, sha256: digestOf(content) };
  await writeFile(manifestPath, JSON.stringify(manifest), { flag: 'wx', mode: 0o600 });
  // At once, as each alone waits for the disk: nothing of it counts before the folder is put in place.
  await Promise.all([pagesPath, statePath, manifestPath, dir].map(syncFile));
  const dirtyPages = runs.reduce((sum, run) => sum + run.count, 0);
  return { dirtyPages, bytes: dirtyPages * PAGE + (await stat(statePath)).size };
}

/** Makes what {@link writeSuspension} wrote the VM's suspension: from here on it is suspended, whatever ends. */
export async function putInPlace(vmDir: string): Promise<void> {
  await rename(pending(vmDir), inPlace(vmDir));
  await syncFile(vmDir);
}

/** Takes a suspension out of use, before the guest may write what it knows nothing of, or for good. No-op without one. */
export async function releaseSuspension(vmDir: string): Promise<void> {
  const gone = join(vmDir, 'suspension.old');
  await rm(gone, { recursive: true, force: true });
  if (!(await isSuspended(vmDir))) return;
  await rename(inPlace(vmDir), gone);
  await rm(gone, { recursive: true, force: true });
}

/** Is there a complete suspension? It is put in place as a whole. */
export function isSuspended(vmDir: string): Promise<boolean> {
  return access(join(inPlace(vmDir), FILES.manifest)).then(() => true, () => false);
}

export interface Suspension {
  readonly deviceState: string;
  /** Of each disk the layer the guest wrote to last, as paths. */
  readonly tops: readonly string[];
  /** Writes the pages into a VMM that has mapped its RAM but loaded no device state yet. */
  readonly layPages: (pid: number, ramPath: string) => Promise<void>;
}

/** Throws {@link SnapshotRefusedError} when it is incomplete, damaged or lies over another template. */
export async function openSuspension(vmDir: string, templateDigest: string): Promise<Suspension> {
  const dir = inPlace(vmDir);
  const manifestPath = join(dir, FILES.manifest);
  const text = await readFile(manifestPath, 'utf8').catch((error: unknown) => {
    throw new SnapshotRefusedError(`no suspension to resume from: ${messageOf(error)}`);
  });
  const parsed = manifestSchema.safeParse(parseJson(text));
  if (!parsed.success) throw new SnapshotRefusedError(`${manifestPath}: not a suspension manifest of schema 2`);
  const manifest = parsed.data;
  if (digestOf(manifest) !== manifest.sha256) throw new SnapshotRefusedError(`${manifestPath} is damaged: its content does not have its sha256`);
  if (manifest.template !== templateDigest) throw new SnapshotRefusedError(`${manifestPath}: the suspension lies over template ${manifest.template}, the image's is ${templateDigest}`, 'mismatch');
  const deviceState = join(dir, FILES.deviceState);
  const stateDigest = await hashFile(deviceState).catch((error: unknown) => messageOf(error));
  if (stateDigest !== manifest.deviceStateSha256) throw new SnapshotRefusedError(`${deviceState} is damaged: sha256 ${stateDigest}, the manifest says ${manifest.deviceStateSha256}`);
  for (const { name, bytes } of manifest.layers) {
    const size = await stat(join(vmDir, name)).then((s) => s.size, (error: unknown) => messageOf(error));
    if (size !== bytes) throw new SnapshotRefusedError(`${join(vmDir, name)} is damaged: ${size} bytes, the manifest says ${bytes}`);
  }
  await verifySeal(vmDir);
  const runs = manifest.runs.map(([page, count]) => ({ page, count }));
  return {
    deviceState,
    tops: manifest.tops.map((name) => join(vmDir, name)),
    layPages: async (pid, ramPath) => {
      const digest = await layPages(pid, ramPath, runs, join(dir, FILES.pages));
      if (digest !== manifest.pagesSha256) throw new SnapshotRefusedError(`${join(dir, FILES.pages)} is damaged: sha256 ${digest}, the manifest says ${manifest.pagesSha256}`);
    },
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

/** An empty pending folder for a new suspension; answers where its device state goes. */
export async function preparePending(vmDir: string): Promise<string> {
  await dropPending(vmDir);
  await mkdir(pending(vmDir), { mode: 0o700 });
  return join(pending(vmDir), FILES.deviceState);
}

export function dropPending(vmDir: string): Promise<void> {
  return rm(pending(vmDir), { recursive: true, force: true });
}
