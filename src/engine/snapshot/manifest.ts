/**
 * A template's manifest: what its files are and the exact machine they fit. A mismatch is refused, because QEMU
 * loads the state of another version, CPU model or machine without noticing, and the guest is then corrupt.
 *
 * The magic says what kind of file this is, the schema which layout it has; they change separately.
 */
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../errors/index.js';
import { SnapshotRefusedError } from '../contracts.js';
import { hashFile } from './digest.js';

export const FILES = { manifest: 'manifest.json', ram: 'ram', deviceState: 'device-state' } as const;

const fileSchema = z.object({ bytes: z.number().int().nonnegative(), sha256: z.string().length(64) });

const manifestSchema = z.object({
  magic: z.literal('tardigrade-template'),
  schema: z.literal(1),
  createdAt: z.string(),
  /** Everything that must be equal where the template is launched. */
  machine: z.object({
    vmm: z.string(), // name and full version
    accelerator: z.enum(['kvm', 'tcg']),
    architecture: z.enum(['x86_64', 'arm64']),
    type: z.string(),
    cpu: z.string(),
    /** Model name and flags of the host's CPU, hashed: its features and its TSC reach the guest. */
    hostCpu: z.string(),
  }),
  size: z.object({ memoryMiB: z.number().int().positive(), vcpus: z.number().int().positive(), cpuWeight: z.number().positive().optional() }),
  /** Paths relative to the template's folder, so that the data folder can move. */
  disks: z.array(z.object({ path: z.string(), format: z.enum(['raw', 'qcow2']), virtualBytes: z.number().int(), fileBytes: z.number().int() })),
  ram: fileSchema,
  deviceState: fileSchema,
});

export type TemplateManifest = z.infer<typeof manifestSchema>;
export type MachinePin = TemplateManifest['machine'];

/** Written last and by rename: a folder without a manifest is not a template. Disk paths are absolute here and when read. */
export async function writeManifest(dir: string, manifest: TemplateManifest): Promise<void> {
  const temporary = join(dir, `${FILES.manifest}.new`);
  const stored = { ...manifest, disks: manifest.disks.map((disk) => ({ ...disk, path: relative(dir, disk.path) })) };
  await writeFile(temporary, `${JSON.stringify(stored, null, 2)}\n`, { mode: 0o600, flush: true });
  await rename(temporary, join(dir, FILES.manifest));
}

/** Throws {@link SnapshotRefusedError} when it is missing, unreadable, of another schema, or its files' sizes differ. */
export async function readManifest(dir: string): Promise<TemplateManifest> {
  const path = join(dir, FILES.manifest);
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new SnapshotRefusedError(`${path}: ${messageOf(error)}; build the image again`);
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    throw new SnapshotRefusedError(`${path}: not a template manifest of schema 1 (${parsed.error.issues[0]?.path.join('.') ?? ''}: ${parsed.error.issues[0]?.message ?? ''})`);
  }
  const manifest = { ...parsed.data, disks: parsed.data.disks.map((disk) => ({ ...disk, path: resolve(dir, disk.path) })) };
  await checkSize(join(dir, FILES.ram), manifest.ram.bytes);
  await checkSize(join(dir, FILES.deviceState), manifest.deviceState.bytes);
  for (const disk of manifest.disks) await checkSize(disk.path, disk.fileBytes);
  const digest = await hashFile(join(dir, FILES.deviceState));
  if (digest !== manifest.deviceState.sha256) {
    throw new SnapshotRefusedError(`${join(dir, FILES.deviceState)} is damaged: sha256 ${digest}, the manifest says ${manifest.deviceState.sha256}`);
  }
  return manifest;
}

/** Reads all of the RAM file and compares: for a check after a crash or on request, too slow for each launch. */
export async function verifyRam(dir: string, manifest: TemplateManifest): Promise<void> {
  const digest = await hashFile(join(dir, FILES.ram));
  if (digest !== manifest.ram.sha256) throw new SnapshotRefusedError(`${join(dir, FILES.ram)} is damaged: sha256 ${digest}, the manifest says ${manifest.ram.sha256}`);
}

/** Names the first thing that differs. */
export function checkMachine(dir: string, pinned: MachinePin, here: MachinePin): void {
  for (const key of Object.keys(pinned) as (keyof MachinePin)[]) {
    if (pinned[key] !== here[key]) {
      throw new SnapshotRefusedError(`${dir} was made with ${key} "${pinned[key]}", this host has "${here[key]}": a snapshot only fits the machine it was taken on; build the image again`, 'mismatch');
    }
  }
}

async function checkSize(path: string, expected: number): Promise<void> {
  const size = await stat(path).then((s) => s.size, (error: unknown) => messageOf(error));
  if (size !== expected) throw new SnapshotRefusedError(`${path}: ${typeof size === 'number' ? `${size} bytes` : size}, the manifest says ${expected} bytes`);
}
