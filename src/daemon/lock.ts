/**
 * One daemon per data folder. The lock is SQLite's own, on `<data>/lock`: it is on the folder itself, whatever
 * namespace a daemon is in, it is taken at once or not at all, and it ends with its holder however that ends.
 */
import { createHash } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { mkdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { messageOf, OperatorError } from '../errors/index.js';

/** Sockets of one daemon; the path stays short, as a Unix socket's holds 107 bytes. */
export async function runDirOf(dataDir: string): Promise<string> {
  const digest = createHash('sha256').update(await realpath(dataDir)).digest('hex').slice(0, 12);
  const dir = `/run/tardigrade/${digest}`;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  return dir;
}

/** Throws OperatorError when another daemon holds it. Answers the release. */
export function lockDataDir(dataDir: string): () => void {
  let db: Sqlite.Database | undefined;
  try {
    const path = join(dataDir, 'lock');
    db = new Sqlite(path, { timeout: 0 });
    db.pragma('journal_mode = MEMORY');
    db.exec('BEGIN EXCLUSIVE');
    // By name: closing any descriptor of ours on the file would end the lock.
    chmodSync(path, 0o600);
    return () => void db?.close();
  } catch (error) {
    db?.close();
    if (error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      throw new OperatorError(`another Tardigrade serves ${dataDir}: stop it, or set TARDIGRADE_DATA_DIR to another folder`);
    }
    throw new OperatorError(`cannot lock the data folder ${dataDir}: ${messageOf(error)}. It must be a folder this user can write`);
  }
}

/** The sockets' folder, once no VM of the daemon is left. */
export function removeRunDir(runDir: string): Promise<void> {
  return rm(runDir, { recursive: true, force: true });
}
