/**
 * A clone's disks: qcow2 overlays in its folder, `disk<N>.<layer>.qcow2`, each over the one before, the first over the
 * template's disk.
 *
 *   template's disk ◀ disk0.0 ◀ disk0.3 ◀ disk0.4
 *                     older       as of the   what the guest
 *                     layers      suspension  wrote since
 *
 * A resume adds a layer, so that the disk of the suspension stays as it was until the suspension is given up; then the
 * layers between the first and the last are folded into the first, and the chain is never longer than three.
 */
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Disk } from '../contracts.js';
import { backingFile, createOverlay } from '../qcow2.js';

const NAME = /^disk(\d+)\.(\d+)\.qcow2$/;

/** The first layer of disk `index` over the template's; none must exist. */
export async function firstLayer(dir: string, index: number, backing: Disk, virtualBytes: number): Promise<Disk> {
  return layerOver(join(dir, `disk${index}.0.qcow2`), backing, virtualBytes);
}

/** An empty layer over `top`, a layer of this folder. */
export async function nextLayer(top: string, virtualBytes: number): Promise<Disk> {
  const [, index, layer] = NAME.exec(basename(top)) ?? [];
  const path = join(dirname(top), `disk${index ?? ''}.${Number(layer) + 1}.qcow2`);
  return layerOver(path, { path: top, format: 'qcow2' }, virtualBytes);
}

/** The layers of a disk that are in its folder, the top one first. */
export async function chainOf(top: string): Promise<string[]> {
  const chain: string[] = [];
  for (let path = top; dirname(path) === dirname(top) && NAME.test(basename(path)); path = await backingFile(path)) chain.push(path);
  return chain;
}

/** The top layer of each disk: the one with the highest number. */
export async function topLayers(dir: string): Promise<string[]> {
  const tops: { readonly path: string; readonly layer: number }[] = [];
  for (const name of await readdir(dir)) {
    const match = NAME.exec(name);
    if (match === null) continue;
    const [index, layer] = [Number(match[1]), Number(match[2])];
    if (layer >= (tops[index]?.layer ?? 0)) tops[index] = { path: join(dir, name), layer };
  }
  return tops.map(({ path }) => path);
}

/** Removes every layer that is not below one of `tops`: of a resume that was undone, or folded away already. */
export async function dropOtherLayers(dir: string, tops: readonly string[]): Promise<void> {
  const kept = new Set((await Promise.all(tops.map(chainOf))).flat());
  for (const name of await readdir(dir)) {
    if (NAME.test(name) && !kept.has(join(dir, name))) await rm(join(dir, name));
  }
}

async function layerOver(path: string, backing: Disk, virtualBytes: number): Promise<Disk> {
  await createOverlay(path, backing, virtualBytes);
  return { path, format: 'qcow2' };
}
