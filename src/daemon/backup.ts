/** Backups of this host's data folder, for the command line. */
import { backup, type Backup } from '../backup/backup.js';
import { restore, type Restored } from '../backup/restore.js';
import type { Config } from '../config/config.js';
import { lockDataDir } from './lock.js';

export function backupTo(config: Config, file: string): Promise<Backup> {
  return backup(config, file, new Date().toISOString());
}

export function restoreFrom(config: Config, file: string): Promise<Restored> {
  return restore(config, file, { encrypted: config.encryption, lock: lockDataDir });
}
