/** Usage of MicroVMs by day, cursors of those that have not ended, and how long versions' snapshots were kept. */
import type { Database } from 'better-sqlite3';
import type { StoredVersion, UsageAmounts, UsageCursor, UsageDay, UsageStore, UsageTotals } from '../contracts.js';
import { optional, type Row } from './columns.js';

/** Member and column; each is added up but the peak. */
const AMOUNTS = {
  runningSeconds: 'running_seconds',
  suspendedSeconds: 'suspended_seconds',
  cpuSeconds: 'cpu_seconds',
  burstCpuSeconds: 'burst_cpu_seconds',
  measuredSeconds: 'measured_seconds',
  memoryByteSeconds: 'memory_byte_seconds',
  burstMemoryByteSeconds: 'burst_memory_byte_seconds',
  peakMemoryBytes: 'peak_memory_bytes',
  snapshotReadBytes: 'snapshot_read_bytes',
  snapshotWrittenBytes: 'snapshot_written_bytes',
  storedByteSeconds: 'stored_byte_seconds',
  launches: 'launches',
  resumes: 'resumes',
  suspends: 'suspends',
} as const satisfies Record<keyof UsageAmounts, string>;

const MEMBERS = Object.keys(AMOUNTS) as (keyof UsageAmounts)[];
const COLUMNS = Object.values(AMOUNTS);

const amountsOf = (row: Row): UsageAmounts => Object.fromEntries(Object.entries(AMOUNTS).map(([member, column]) => [member, row[column]])) as unknown as UsageAmounts;

export function usageRecords(db: Database): UsageStore {
  const merge = COLUMNS.map((column) => (column === 'peak_memory_bytes' ? `${column} = MAX(${column}, excluded.${column})` : `${column} = ${column} + excluded.${column}`));
  const addDay = db.prepare(
    `INSERT INTO usage_days (account_id, day, microvm_id, memory_mib, ${COLUMNS.join(', ')}) VALUES (?, ?, ?, ?${', ?'.repeat(COLUMNS.length)})
     ON CONFLICT DO UPDATE SET ${merge.join(', ')}`,
  );
  const putCursor = db.prepare(
    `INSERT OR REPLACE INTO usage_cursors (microvm_id, account_id, memory_mib, phase, counted_until, process, cpu_counted, snapshot_bytes, stored_bytes)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const dropCursor = db.prepare('DELETE FROM usage_cursors WHERE microvm_id = ?');
  const cursors = db.prepare('SELECT * FROM usage_cursors');
  const sums = COLUMNS.map((column) => `COALESCE(${column === 'peak_memory_bytes' ? 'MAX' : 'SUM'}(${column}), 0) AS ${column}`);
  const totals = db.prepare(
    `SELECT ${sums.join(', ')}, COUNT(DISTINCT microvm_id) AS microvms, COALESCE(SUM(running_seconds * memory_mib), 0) AS baseline
     FROM usage_days WHERE account_id = ? AND day BETWEEN ? AND ?`,
  );
  const ofMicrovm = db.prepare('SELECT * FROM usage_days WHERE microvm_id = ? ORDER BY day');
  const addVersions = db.prepare(
    `INSERT OR IGNORE INTO usage_versions (build_id, image_arn, version, account_id, bytes, stored_from)
     SELECT b.build_id, v.image_arn, v.version, i.account_id,
       COALESCE(json_extract(b.snapshot_build, '$.memorySnapshotSizeInBytes'), 0) + COALESCE(json_extract(b.snapshot_build, '$.diskSnapshotSizeInBytes'), 0), v.updated_at
     FROM versions AS v JOIN images AS i ON i.arn = v.image_arn JOIN builds AS b ON b.image_arn = v.image_arn AND b.version = v.version
     WHERE v.state = 'SUCCESSFUL'`,
  );
  const endVersions = db.prepare(
    `UPDATE usage_versions SET deleted_at = ? WHERE deleted_at IS NULL
     AND NOT EXISTS (SELECT 1 FROM builds AS b WHERE b.build_id = usage_versions.build_id)`,
  );
  const versions = db.prepare('SELECT * FROM usage_versions WHERE account_id = ? ORDER BY stored_from, image_arn, version');
  const imageBytes = db.prepare('SELECT COALESCE(SUM(bytes), 0) FROM usage_versions WHERE deleted_at IS NULL').pluck();
  const suspendedBytes = db.prepare("SELECT COALESCE(SUM(stored_bytes), 0) FROM usage_cursors WHERE phase = 'SUSPENDED'").pluck();
  const pruneDays = db.prepare('DELETE FROM usage_days WHERE day < ?');
  const pruneVersions = db.prepare('DELETE FROM usage_versions WHERE deleted_at < ?');

  return {
    usageCursors: () => (cursors.all() as Row[]).map(readCursor),
    saveUsage: db.transaction((days: readonly UsageDay[], changed: readonly UsageCursor[], ended: readonly string[]) => {
      for (const day of days) addDay.run(day.accountId, day.day, day.microvmId, day.memoryMiB, ...MEMBERS.map((member) => day[member]));
      for (const c of changed) putCursor.run(c.microvmId, c.accountId, c.memoryMiB, c.phase, c.countedUntil, c.process ?? null, c.cpuCounted, c.snapshotBytes, c.storedBytes);
      for (const id of ended) dropCursor.run(id);
    }),
    usageTotals(accountId, { from, to }): UsageTotals {
      const row = totals.get(accountId, from, to) as Row;
      return { ...amountsOf(row), microvms: row['microvms'] as number, baselineMiBSeconds: row['baseline'] as number };
    },
    usageOfMicrovm: (id) => (ofMicrovm.all(id) as Row[]).map(readDay),
    syncStoredVersions: db.transaction((now: number) => {
      endVersions.run(now);
      addVersions.run();
    }),
    storedVersions: (accountId) => (versions.all(accountId) as Row[]).map(readVersion),
    snapshotBytes: () => ({ images: imageBytes.get() as number, microvms: suspendedBytes.get() as number }),
    pruneUsage: db.transaction((day: string, time: number) => {
      pruneDays.run(day);
      pruneVersions.run(time);
    }),
  };
}

const readDay = (row: Row): UsageDay => ({
  microvmId: row['microvm_id'] as string,
  accountId: row['account_id'] as string,
  day: row['day'] as string,
  memoryMiB: row['memory_mib'] as number,
  ...amountsOf(row),
});

const readCursor = (row: Row): UsageCursor => ({
  microvmId: row['microvm_id'] as string,
  accountId: row['account_id'] as string,
  memoryMiB: row['memory_mib'] as number,
  phase: row['phase'] as UsageCursor['phase'],
  countedUntil: row['counted_until'] as number,
  process: optional(row['process']) as string | undefined,
  cpuCounted: row['cpu_counted'] as number,
  snapshotBytes: row['snapshot_bytes'] as number,
  storedBytes: row['stored_bytes'] as number,
});

const readVersion = (row: Row): StoredVersion => ({
  imageArn: row['image_arn'] as string,
  version: row['version'] as string,
  bytes: row['bytes'] as number,
  storedFrom: row['stored_from'] as number,
  deletedAt: optional(row['deleted_at']) as number | undefined,
});
