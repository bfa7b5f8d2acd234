/** What is copied whole or not at all: a version of an image, a suspended MicroVM. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { z } from 'zod';
import { OperatorError } from '../errors/index.js';
import { isMissing } from '../files/private-files.js';

export interface Unit {
  readonly kind: 'version' | 'microvm';
  /** In the data folder. */
  readonly path: string;
  /** Its file that is written last and removed first. Whoever has seen the same one before and after has seen the same unit. */
  readonly seal: string;
}

export interface Records {
  readonly units: readonly Unit[];
  readonly running: readonly string[];
}

/** A copy of the database, in one piece while a daemon writes to it. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const db = new Sqlite(from, { readonly: true, fileMustExist: true, timeout: 5000 });
  try {
    await db.backup(to);
  } finally {
    db.close();
  }
  // One file: whoever reads it needs no log beside it.
  const copy = new Sqlite(to);
  copy.pragma('journal_mode = DELETE');
  copy.close();
}

/** What must be on disk for the records of a copied database to be true. Throws OperatorError when it is damaged. */
export function recordsOf(file: string): Records {
  const db = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    const check = db.pragma('integrity_check', { simple: true });
    if (check !== 'ok') throw new OperatorError(`the records ${file} are damaged: ${String(check)}`);
    const versions = z.array(z.object({ account_id: z.string(), name: z.string(), version: z.string() })).parse(
      db.prepare("SELECT i.account_id, i.name, v.version FROM versions v JOIN images i ON i.arn = v.image_arn WHERE v.state = 'SUCCESSFUL'").all());
    const ids = (states: string): string[] => z.array(z.object({ id: z.string() })).parse(db.prepare(`SELECT id FROM microvms WHERE state IN (${states}) ORDER BY seq`).all()).map(({ id }) => id);
    return {
      units: [
        ...versions.map(({ account_id: account, name, version }) => versionUnit(`${account}/${name}/${version}`)),
        ...ids("'SUSPENDED'").map(microvmUnit),
      ],
      running: ids("'PENDING', 'RUNNING', 'SUSPENDING', 'TERMINATING'"),
    };
  } finally {
    db.close();
  }
}

function versionUnit(name: string): Unit {
  return { kind: 'version', path: join('images', name), seal: join('images', name, 'template', 'manifest.json') };
}

function microvmUnit(id: string): Unit {
  return { kind: 'microvm', path: join('microvms', id), seal: join('microvms', id, 'suspension', 'manifest.json') };
}

/** undefined: it is not there. A MicroVM that is resumed gives its suspension up; its next one is another file. */
export async function identityOf(dataDir: string, unit: Unit): Promise<string | undefined> {
  try {
    const { ino, mtimeMs, size } = await stat(join(dataDir, unit.seal));
    return `${ino} ${mtimeMs} ${size}`;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

const manifest = z.object({ machine: z.object({ vmm: z.string() }) });

/** The VMM and version a template needs. */
export async function vmmOf(dataDir: string, unit: Unit): Promise<string> {
  return manifest.parse(JSON.parse(await readFile(join(dataDir, unit.seal), 'utf8'))).machine.vmm;
}
