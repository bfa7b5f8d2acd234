/** Folds a running VM's disk layers, so that suspending it again and again makes no long chain (see snapshot/layers.ts). */
import { rm } from 'node:fs/promises';
import { chainOf } from '../snapshot/layers.js';
import type { QmpClient } from './qmp.js';

export interface Folding {
  /** Never rejects: layers that could not be folded stay, and the next folding takes them too. */
  readonly done: Promise<void>;
  /** Ends it early; resolves when the disks are at rest. */
  cancel(): Promise<void>;
}

/** `tops`: the layer each disk writes to. `failed` gets what kept one from being folded. */
export function foldLayers(qmp: QmpClient, tops: readonly string[], failed: (error: unknown) => void): Folding {
  let cancelled = false;
  let active: string | undefined;
  const fold = async (index: number, top: string): Promise<void> => {
    const chain = await chainOf(top);
    const [base] = chain.slice(-1);
    const [upper] = chain.slice(1);
    if (chain.length < 3 || base === undefined || upper === undefined) return;
    const device = `disk${index}`;
    const ended = endOf(qmp, device);
    ended.catch(() => undefined); // awaited below, unless the command itself is refused
    active = device;
    await qmp.command('block-commit', { 'job-id': device, device, top: upper, base });
    await ended;
    active = undefined;
    // A job that ended early has left the chain as it was: then none of these is out of it.
    const left = new Set(await chainOf(top));
    for (const layer of chain) if (!left.has(layer)) await rm(layer);
  };
  const all = async (): Promise<void> => {
    for (const [index, top] of tops.entries()) if (!cancelled) await fold(index, top);
  };
  const done = all().catch(failed);
  return {
    done,
    cancel: async () => {
      cancelled = true;
      // It may have ended by itself meanwhile: QEMU then knows no such job.
      if (active !== undefined) await qmp.command('block-job-cancel', { device: active }).catch(failed);
      await done;
    },
  };
}

function endOf(qmp: QmpClient, device: string): Promise<void> {
  return new Promise((resolve, reject) => {
    qmp.on('BLOCK_JOB_CANCELLED', (data) => {
      if (data.device === device) resolve();
    });
    qmp.on('BLOCK_JOB_COMPLETED', (data) => {
      if (data.device !== device) return;
      if (data.error === undefined) resolve();
      else reject(new Error(`folding the layers of ${device}: ${data.error}`));
    });
    void qmp.closed.then(() => reject(new Error('the VMM ended while it folded layers')));
  });
}
