/** The probe's program: made here from its source, for the processor of the guest. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile, type GoArchitecture, goSources, readyPath } from '../assets/go.js';
import { digestOf, ensureAsset, exists } from '../assets/store.js';
import { SessionError } from '../cli/session/error.js';
import type { RemoteAccess } from '../daemon/remote.js';
import { Probe, upload } from './client/guest.js';

const SOURCES = fileURLToPath(new URL('../../guest/probe', import.meta.url));
/** As Go names them, this host's first: the service is mostly on it. */
const PROCESSORS = process.arch === 'arm64' ? (['arm64', 'amd64'] as const) : (['amd64', 'arm64'] as const);

/** Puts the probe into a MicroVM that was run with SHELL_INGRESS. */
export type PlaceProbe = (access: RemoteAccess, id: string) => Promise<void>;

/** Guests of another processor than this host's show in the first MicroVM, which cannot start the program. `assetsDir`: where programs are kept from run to run. */
export function createProbes(assetsDir: string): PlaceProbe {
  let known: Promise<Buffer> | undefined;
  const find = async (access: RemoteAccess, id: string): Promise<Buffer> => {
    for (const processor of PROCESSORS) {
      const program = await build(assetsDir, processor);
      await upload(access, id, program);
      if (await starts(access, id)) return program;
    }
    throw new Error(`the probe starts on none of ${PROCESSORS.join(', ')}`);
  };
  return async (access, id) => {
    if (known === undefined) {
      known = find(access, id);
      await known;
      return;
    }
    await upload(access, id, await known);
  };
}

async function starts(access: RemoteAccess, id: string): Promise<boolean> {
  try {
    const probe = await Probe.start(access, id, 'hello');
    await probe.end();
    return true;
  } catch (error) {
    if (error instanceof SessionError && error.code === 'start_failed') return false;
    throw error;
  }
}

/** A package brings it built. Else it is kept among the host's assets; whoever may not write there makes it anew. */
async function build(assetsDir: string, processor: GoArchitecture): Promise<Buffer> {
  const ready = await readyPath(SOURCES, processor);
  if (await exists(ready)) return readFile(ready);
  const make = (folder: string): Promise<void> => compile(SOURCES, join(folder, 'probe'), processor);
  try {
    const folder = await ensureAsset(assetsDir, `probe-${processor}`, digestOf(...(await goSources(SOURCES)), processor), make);
    return await readFile(join(folder, 'probe'));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EROFS' || error.code === 'EPERM'))) throw error;
    const folder = await mkdtemp(join(tmpdir(), 'tardigrade-probe-'));
    try {
      await make(folder);
      return await readFile(join(folder, 'probe'));
    } finally {
      await rm(folder, { recursive: true });
    }
  }
}
