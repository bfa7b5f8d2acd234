/**
 * Where the output of applications and builds goes. Accounts have groups, groups hold streams, streams hold events, as in
 * CloudWatch Logs. Names are the caller's and may hold any character; an implementation encodes them. Times are
 * milliseconds since 1970; ranges include `startTime` and exclude `endTime`.
 */
export interface AppLog {
  /** Opens a log stream; group and stream are made at the first line. Several writers may share a stream. */
  stream(accountId: string, group: string, name: string): LogWriter;
}

export interface LogWriter {
  /** time: ms since 1970; one in the future counts as now. Returns at once; the line is on disk at the latest when {@link close} has resolved. */
  write(time: number, text: string): void;
  /** Idempotent; never rejects: lines that could not be written are counted and reported instead. */
  close(): Promise<void>;
}

export interface LogEvent {
  readonly time: number;
  /** When it came here. */
  readonly ingested: number;
  readonly text: string;
  /** Position in its stream, bytes since the stream began: unique, ascending, stable while older events are dropped. */
  readonly offset: number;
  /** The latest `time` of this and all events before it in the stream: ascends with `offset`. */
  readonly order: number;
}

export interface LogGroup {
  readonly name: string;
  readonly createdAt: number;
  readonly retentionInDays?: number | undefined;
  readonly bytes: number;
}

export interface LogStreamInfo {
  readonly name: string;
  readonly createdAt: number;
  readonly bytes: number;
  /** Absent when the stream has no events. */
  readonly firstEventTime?: number | undefined;
  readonly lastEventTime?: number | undefined;
  readonly lastIngestionTime?: number | undefined;
}

export interface StreamPageRequest {
  /** An edge of an earlier page, or an end of the stream. */
  readonly from: number | 'start' | 'end';
  readonly direction: 'forward' | 'backward';
  readonly startTime?: number | undefined;
  readonly endTime?: number | undefined;
  /** Events. */
  readonly limit: number;
  /** Of texts in UTF-8 with {@link EVENT_OVERHEAD} each; one event is always given. */
  readonly maxBytes: number;
}

/** `events` oldest first. Empty with another edge than asked from: nothing matched so far, go on from there. */
export interface StreamPage {
  readonly events: readonly LogEvent[];
  /** Offset to go backward from. */
  readonly first: number;
  /** Offset to go forward from. */
  readonly last: number;
}

/** Place in the order of all events of a group: by `order`, then stream name, then offset. */
export interface GroupCursor {
  readonly order: number;
  readonly stream: string;
  readonly offset: number;
}

export interface GroupPageRequest {
  readonly wanted: (stream: string) => boolean;
  readonly matches: (text: string) => boolean;
  readonly startTime?: number | undefined;
  readonly endTime?: number | undefined;
  readonly after?: GroupCursor | undefined;
  readonly limit: number;
  readonly maxBytes: number;
}

export interface GroupPage {
  readonly events: readonly (LogEvent & { readonly stream: string })[];
  /** Absent at the end. */
  readonly next?: GroupCursor | undefined;
}

/** CloudWatch counts so many bytes for each event besides its text. */
export const EVENT_OVERHEAD = 26;
/** Largest event, bytes with its overhead. */
export const MAX_EVENT_BYTES = 256 * 1024;

export interface LogCounters {
  /** Events that retention or a size cap removed. */
  readonly droppedEvents: number;
  readonly droppedBytes: number;
  /** Lines that never reached the disk. */
  readonly lostLines: number;
}

/** Answers are undefined or false when there is no such group or stream. A page costs the page, not the stream. */
export interface LogStore extends AppLog {
  /** In name order. */
  groups(accountId: string): Promise<LogGroup[]>;
  /** false: it exists already. */
  createGroup(accountId: string, group: string): Promise<boolean>;
  deleteGroup(accountId: string, group: string): Promise<boolean>;
  setRetention(accountId: string, group: string, days: number | undefined): Promise<boolean>;
  /** In name order. */
  streams(accountId: string, group: string): Promise<LogStreamInfo[] | undefined>;
  createStream(accountId: string, group: string, name: string): Promise<'created' | 'exists' | 'no-group'>;
  deleteStream(accountId: string, group: string, name: string): Promise<boolean>;
  /** Resolves when the events are in the files. */
  append(accountId: string, group: string, name: string, events: readonly { readonly time: number; readonly text: string }[]): Promise<boolean>;
  streamPage(accountId: string, group: string, name: string, request: StreamPageRequest): Promise<StreamPage | undefined>;
  groupPage(accountId: string, group: string, request: GroupPageRequest): Promise<GroupPage | undefined>;
  /** Events that retention has ended and no sweep has removed yet; of one account or of all. Removes them if told so. */
  expired(accountId: string | undefined, remove: boolean): Promise<{ readonly events: number; readonly bytes: number }>;
  /** Applies retention and size caps. */
  sweep(): Promise<void>;
  counters(): LogCounters;
}
