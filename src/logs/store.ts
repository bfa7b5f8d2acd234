import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../files/if-there.js';
import { AccountLogs, type AccountLimits, type Group } from './account-logs.js';
import type { LogCounters, LogGroup, LogStore, LogStreamInfo, LogWriter } from './contracts.js';
import { groupPage, type MergeSource } from './group-page.js';
import { byName } from './names.js';
import type { StreamFiles } from './stream-files.js';
import { streamPage } from './stream-page.js';
import { BufferedWriter } from './writer.js';

const MIB = 1024 * 1024;

export interface LogStoreOptions extends Partial<AccountLimits> {
  /** A write failed; lines are lost until writing works again. */
  readonly onError?: (error: unknown) => void;
  /** ms since 1970; default Date.now */
  readonly now?: () => number;
}

/**
 * Logs as text files, mode 0600, under `<dir>/<account>/<group>/<stream>/` with names encoded (names.ts), one line per
 * event (record.ts) in segments (segments.ts). By default 32 MiB are kept of a stream and 1 GiB of an account, the newest.
 * One process writes; another may read at the same time, and sees what was there when it first looked at an account.
 */
export function createLogStore(dir: string, options: LogStoreOptions = {}): LogStore {
  const { now = Date.now, onError = () => undefined } = options;
  const streamBytes = options.streamBytes ?? 32 * MIB;
  const limits: AccountLimits = {
    streamBytes,
    segmentBytes: options.segmentBytes ?? Math.min(MIB, Math.ceil(streamBytes / 8)),
    accountBytes: options.accountBytes ?? 1024 * MIB,
    retentionInDays: options.retentionInDays,
  };
  const counters = { droppedEvents: 0, droppedBytes: 0, lostLines: 0 };
  const dropped = (events: number, bytes: number): void => {
    counters.droppedEvents += events;
    counters.droppedBytes += bytes;
  };
  const accounts = new Map<string, Promise<AccountLogs>>();

  /** A failure to load is not kept, so that the next call tries again. */
  function account(id: string): Promise<AccountLogs> {
    const known = accounts.get(id);
    if (known !== undefined) return known;
    if (!/^\d{12}$/.test(id)) return Promise.reject(new Error(`'${id}' is no account: accounts have 12 digits`));
    const loading = AccountLogs.load(join(dir, id), limits, { now, dropped }, onError);
    accounts.set(id, loading);
    loading.catch(() => accounts.delete(id));
    return loading;
  }

  async function accountIds(): Promise<string[]> {
    return ((await ifThere(readdir(dir))) ?? []).filter((name) => /^\d{12}$/.test(name));
  }

  async function find(accountId: string, group: string): Promise<{ logs: AccountLogs; found: Group | undefined }> {
    const logs = await account(accountId);
    return { logs, found: logs.groups.get(group) };
  }

  return {
    stream: (accountId, group, name) => openWriter(() => account(accountId).then((logs) => logs.ensure(group, name)), {
      now,
      onError,
      onLost: (lines) => void (counters.lostLines += lines),
    }),

    async groups(accountId) {
      return [...(await account(accountId)).groups.values()].map(groupInfo).sort(byName);
    },
    createGroup: async (accountId, group) => (await account(accountId)).createGroup(group),
    deleteGroup: async (accountId, group) => (await account(accountId)).deleteGroup(group),
    setRetention: async (accountId, group, days) => (await account(accountId)).setRetention(group, days),

    async streams(accountId, group) {
      const { found } = await find(accountId, group);
      return found && (await Promise.all([...found.streams.values()].map(streamInfo))).sort(byName);
    },
    createStream: async (accountId, group, name) => (await account(accountId)).createStream(group, name),
    deleteStream: async (accountId, group, name) => (await account(accountId)).deleteStream(group, name),

    async append(accountId, group, name, events) {
      const files = (await find(accountId, group)).found?.streams.get(name);
      return files !== undefined && files.append(events);
    },

    async streamPage(accountId, group, name, request) {
      const { logs, found } = await find(accountId, group);
      const files = found?.streams.get(name);
      if (found === undefined || files === undefined) return undefined;
      return streamPage(files.view(), { ...request, startTime: Math.max(request.startTime ?? 0, logs.cutoff(found)) });
    },

    async groupPage(accountId, group, request) {
      const { logs, found } = await find(accountId, group);
      if (found === undefined) return undefined;
      const wanted = [...found.streams.values()].filter(({ name }) => request.wanted(name));
      const sources = (await Promise.all(wanted.map(sourceOf))).filter((source) => source !== undefined);
      return groupPage(sources, { ...request, startTime: Math.max(request.startTime ?? 0, logs.cutoff(found)) });
    },

    async expired(accountId, remove) {
      let [events, bytes] = [0, 0];
      for (const id of accountId === undefined ? await accountIds() : [accountId]) {
        const logs = await account(id);
        const found = await logs.measureExpired();
        events += found.events;
        bytes += found.bytes;
        if (remove) await logs.expire();
      }
      return { events, bytes };
    },
    async sweep() {
      for (const id of await accountIds()) {
        const logs = await account(id);
        await logs.expire();
        await logs.trim();
      }
    },
    counters: (): LogCounters => ({ ...counters }),
  };
}

function openWriter(ensure: () => Promise<StreamFiles>, deps: { now: () => number; onError: (error: unknown) => void; onLost: (lines: number) => void }): LogWriter {
  let files: StreamFiles | undefined;
  const writer = new BufferedWriter({
    ...deps,
    async append(events) {
      // Anew when the stream was deleted meanwhile.
      while (files === undefined || !(await files.append(events))) {
        files = await ensure();
        files.writers++;
      }
    },
  });
  let closing: Promise<void> | undefined;
  async function close(): Promise<void> {
    await writer.flushed();
    if (files === undefined) return;
    files.writers--;
    if (files.writers === 0) await files.close().catch(deps.onError);
  }
  return {
    write(time, text) {
      if (closing === undefined) writer.write(time, text);
    },
    close: () => (closing ??= close()),
  };
}

function groupInfo({ metadata, streams }: Group): LogGroup {
  return { ...metadata, bytes: [...streams.values()].reduce((sum, files) => sum + files.bytes, 0) };
}

async function streamInfo(files: StreamFiles): Promise<LogStreamInfo> {
  const { name, createdAt, bytes, last } = files;
  const first = await files.first();
  if (first === undefined || last === undefined) return { name, createdAt, bytes };
  return { name, createdAt, bytes, firstEventTime: first.time, lastEventTime: last.time, lastIngestionTime: last.ingested };
}

async function sourceOf(files: StreamFiles): Promise<MergeSource | undefined> {
  const { last } = files;
  const first = await files.first();
  if (first === undefined || last === undefined) return undefined;
  return { name: files.name, firstOrder: first.order, lastOrder: last.order, open: () => Promise.resolve(files.view()) };
}
