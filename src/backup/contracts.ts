/**
 * Backups of a data folder, and what puts them back (docs/operations.md).
 *
 * A backup is a tar archive, through zstd when its name ends with .zst. Its members, in order:
 *   backup.json     {@link Header}: read before anything else
 *   units/<n>/…     one copy of an image's version or of a suspended MicroVM each; holes of sparse files are holes
 *   …               the other files of the data folder
 *   contents.json   {@link Contents}: which of the units count; one that went away while it was copied does not
 *   tardigrade.db   the records as they were when the last of those had been copied
 *   SHA256          of all bytes before this member
 */
import { z } from 'zod';

export const headerSchema = z.object({
  magic: z.literal('tardigrade-backup'),
  schema: z.literal(1),
  createdAt: z.string(),
  /** Real path of the data folder. Disk layers name each other by it, so they can be restored there alone. */
  dataDir: z.string(),
});
export type Header = z.infer<typeof headerSchema>;

export const contentsSchema = z.object({
  /** By path in the data folder. `vmm`: the VMM and version that a version's snapshot needs. */
  units: z.array(z.object({ kind: z.enum(['version', 'microvm']), path: z.string().regex(/^(images(\/[\w-][\w.-]*){3}|microvms\/[\w-]+)$/), at: z.number().int(), vmm: z.string().optional() })),
  /** MicroVMs that ran: their records are in it, their memory is not. */
  running: z.array(z.string()),
});
export type Contents = z.infer<typeof contentsSchema>;

export interface Places {
  readonly dataDir: string;
  /** Never in a backup: made anew at need. May be inside the data folder. */
  readonly assetsDir: string;
}

export const MEMBERS = { header: 'backup.json', contents: 'contents.json', database: 'tardigrade.db', digest: 'SHA256', units: 'units' } as const;
