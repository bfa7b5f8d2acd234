/** The groups and streams of one account, held in memory as they are on disk. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../files/if-there.js';
import { readGroup, readStream, writeGroup, writeStream, type GroupMetadata } from './metadata.js';
import { encodeName } from './names.js';
import { type Segment } from './segments.js';
import { countLines, STREAM_OVERHEAD, StreamFiles, type StreamLimits, type StreamWatcher } from './stream-files.js';
import { Turn } from './turn.js';

const DAY_MS = 86_400_000;
/** A full account is brought down to this part of its cap, so that not every line costs a removal. */
const AFTER_TRIM = 0.9;

export interface Group {
  metadata: GroupMetadata;
  readonly dir: string;
  readonly streams: Map<string, StreamFiles>;
}

export interface AccountLimits extends StreamLimits {
  /** Bytes of an account together. */
  readonly accountBytes: number;
  /** Of groups that have no retention policy. */
  readonly retentionInDays?: number | undefined;
}

export class AccountLogs {
  readonly #turn = new Turn();
  readonly #watcher: StreamWatcher;
  #bytes = 0;
  #trimming: Promise<void> | undefined;

  private constructor(
    readonly dir: string,
    readonly limits: AccountLimits,
    watcher: Pick<StreamWatcher, 'now' | 'dropped'>,
    readonly groups: Map<string, Group>,
    readonly onError: (error: unknown) => void,
  ) {
    this.#watcher = {
      ...watcher,
      grew: (bytes) => {
        this.#bytes += bytes;
        if (this.#bytes > limits.accountBytes) this.#trimSoon();
      },
    };
  }

  static async load(dir: string, limits: AccountLimits, watcher: Pick<StreamWatcher, 'now' | 'dropped'>, onError: (error: unknown) => void): Promise<AccountLogs> {
    const account = new AccountLogs(dir, limits, watcher, new Map(), onError);
    for (const entry of (await ifThere(readdir(dir, { withFileTypes: true }))) ?? []) {
      const group = entry.isDirectory() ? await account.#loadGroup(join(dir, entry.name)) : undefined;
      if (group !== undefined) account.groups.set(group.metadata.name, group);
    }
    return account;
  }

  async #loadGroup(dir: string): Promise<Group | undefined> {
    const metadata = await readGroup(dir);
    if (metadata === undefined) return undefined;
    const group: Group = { metadata, dir, streams: new Map() };
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const found = await readStream(join(dir, entry.name));
      if (found === undefined) continue;
      const files = await StreamFiles.open(found.name, found.createdAt, join(dir, entry.name), this.limits, this.#watcher);
      group.streams.set(found.name, files);
      this.#bytes += files.bytes + STREAM_OVERHEAD;
    }
    return group;
  }

  /** false: it was there. */
  createGroup(name: string): Promise<boolean> {
    return this.#turn.take(async () => {
      if (this.groups.has(name)) return false;
      await this.#makeGroup(name);
      return true;
    });
  }

  deleteGroup(name: string): Promise<boolean> {
    return this.#turn.take(async () => {
      const group = this.groups.get(name);
      if (group === undefined) return false;
      this.groups.delete(name);
      for (const files of group.streams.values()) await files.remove();
      await rm(group.dir, { recursive: true, force: true });
      return true;
    });
  }

  setRetention(name: string, days: number | undefined): Promise<boolean> {
    return this.#turn.take(async () => {
      const group = this.groups.get(name);
      if (group === undefined) return false;
      const metadata: GroupMetadata = { ...group.metadata, retentionInDays: days };
      await writeGroup(group.dir, metadata);
      group.metadata = metadata;
      return true;
    });
  }

  createStream(groupName: string, name: string): Promise<'created' | 'exists' | 'no-group'> {
    return this.#turn.take(async () => {
      const group = this.groups.get(groupName);
      if (group === undefined) return 'no-group';
      if (group.streams.has(name)) return 'exists';
      await this.#makeStream(group, name);
      return 'created';
    });
  }

  deleteStream(groupName: string, name: string): Promise<boolean> {
    return this.#turn.take(async () => {
      const group = this.groups.get(groupName);
      const files = group?.streams.get(name);
      if (files === undefined) return false;
      group?.streams.delete(name);
      await files.remove();
      return true;
    });
  }

  /** For a writer: the stream, made at need with its group. */
  ensure(groupName: string, name: string): Promise<StreamFiles> {
    return this.#turn.take(async () => {
      const group = this.groups.get(groupName) ?? (await this.#makeGroup(groupName));
      return group.streams.get(name) ?? (await this.#makeStream(group, name));
    });
  }

  async #makeGroup(name: string): Promise<Group> {
    const group: Group = { metadata: { name, createdAt: this.#watcher.now() }, dir: join(this.dir, encodeName(name)), streams: new Map() };
    await writeGroup(group.dir, group.metadata);
    this.groups.set(name, group);
    return group;
  }

  async #makeStream(group: Group, name: string): Promise<StreamFiles> {
    const createdAt = this.#watcher.now();
    const dir = join(group.dir, encodeName(name));
    await writeStream(dir, { name, createdAt });
    const files = await StreamFiles.open(name, createdAt, dir, this.limits, this.#watcher);
    group.streams.set(name, files);
    this.#watcher.grew(STREAM_OVERHEAD);
    return files;
  }

  /** Earliest time of an event that is still shown. */
  cutoff(group: Group): number {
    const days = group.metadata.retentionInDays ?? this.limits.retentionInDays;
    return days === undefined ? 0 : Math.max(0, this.#watcher.now() - days * DAY_MS);
  }

  /** Removes what retention has ended, by segments; the events between are hidden by {@link cutoff}. */
  async expire(): Promise<void> {
    for (const { group, files, segment } of this.#expired()) await this.#drop(group, files, segment);
  }

  /** What {@link expire} would remove. */
  async measureExpired(): Promise<{ readonly events: number; readonly bytes: number }> {
    let [events, bytes] = [0, 0];
    for (const { segment } of this.#expired()) {
      events += (await ifThere(countLines(segment.path))) ?? 0;
      bytes += segment.size;
    }
    return { events, bytes };
  }

  *#expired(): Generator<{ group: Group; files: StreamFiles; segment: Segment }> {
    for (const group of this.groups.values()) {
      const cutoff = this.cutoff(group);
      if (cutoff === 0) continue;
      for (const files of group.streams.values()) {
        for (const segment of files.segments) {
          if (segment.modified >= cutoff) break;
          yield { group, files, segment };
        }
      }
    }
  }

  #trimSoon(): void {
    if (this.#trimming !== undefined) return;
    this.#trimming = this.trim()
      .catch(this.onError)
      .finally(() => {
        this.#trimming = undefined;
      });
  }

  /** Removes the oldest segments of all streams while the account has more than its cap. */
  async trim(): Promise<void> {
    if (this.#bytes <= this.limits.accountBytes) return;
    const all = [...this.groups.values()].flatMap((group) => [...group.streams.values()].flatMap((files) => files.segments.map((segment) => ({ group, files, segment }))));
    all.sort((a, b) => a.segment.modified - b.segment.modified || a.segment.base - b.segment.base);
    for (const { group, files, segment } of all) {
      if (this.#bytes <= this.limits.accountBytes * AFTER_TRIM) return;
      await this.#drop(group, files, segment);
    }
  }

  /** A stream that this leaves empty goes too, unless somebody writes: MicroVMs come and go, and each has one. Unknown: logs-empty-streams */
  async #drop(group: Group, files: StreamFiles, segment: Segment): Promise<void> {
    await files.drop(segment);
    await this.#turn.take(async () => {
      if (files.segments.length > 0 || files.writers > 0 || files.gone) return;
      group.streams.delete(files.name);
      await files.remove();
    });
  }
}
