/** PutLogEvents, GetLogEvents, FilterLogEvents. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { EVENT_OVERHEAD, MAX_EVENT_BYTES, type LogEvent } from '../../logs/contracts.js';
import { authorize, groupOf, groupReference } from './arn.js';
import { filterPattern } from './filter-pattern.js';
import { groupName, invalid, noGroup, noStream, read, streamName, timestamp, token, type LogsOperation } from './operation.js';
import { missing } from './streams.js';
import { cursorToken, offsetToken, readCursorToken, readOffsetToken } from './tokens.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Of the events of one request or answer, with their overhead. */
const MAX_BATCH_BYTES = 1024 * 1024;

const putInput = z.object({
  logGroupName: groupName,
  logStreamName: streamName,
  logEvents: z.array(z.object({ timestamp, message: z.string().min(1) })).min(1).max(10_000),
});

/** Rules: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html */
export const putLogEvents: LogsOperation = async (call) => {
  const { logGroupName, logStreamName, logEvents } = read(putInput, call);
  authorize(call, logGroupName, logStreamName);
  checkBatch(logEvents);
  const now = call.now();
  const tooOld = logEvents.findLastIndex((event) => event.timestamp < now - 14 * DAY_MS) + 1;
  const tooNew = logEvents.findIndex((event) => event.timestamp > now + 2 * HOUR_MS);
  const taken = logEvents.slice(tooOld, tooNew < 0 ? undefined : tooNew).map((event) => ({ time: event.timestamp, text: event.message }));
  if (!(await call.store.append(call.accountId, logGroupName, logStreamName, taken))) throw await missing(call, logGroupName);
  const rejected = { tooOldLogEventEndIndex: tooOld > 0 ? tooOld : undefined, tooNewLogEventStartIndex: tooNew < 0 ? undefined : tooNew };
  return { members: taken.length === logEvents.length ? {} : { rejectedLogEventsInfo: rejected } };
};

function checkBatch(events: z.infer<typeof putInput>['logEvents']): void {
  let bytes = 0;
  for (const [i, { timestamp: time, message }] of events.entries()) {
    const size = Buffer.byteLength(message) + EVENT_OVERHEAD;
    if (size > MAX_EVENT_BYTES) throw invalid(`Log event too large: ${size} bytes exceeds limit of ${MAX_EVENT_BYTES}`);
    bytes += size;
    if (time < (events[i - 1]?.timestamp ?? 0)) throw invalid('Log events in a single PutLogEvents request must be in chronological order.');
  }
  if (bytes > MAX_BATCH_BYTES) throw invalid(`Upload too large: ${bytes} bytes exceeds limit of ${MAX_BATCH_BYTES}`);
  if ((events.at(-1)?.timestamp ?? 0) - (events[0]?.timestamp ?? 0) > DAY_MS) throw invalid('The batch of log events in a single PutLogEvents request cannot span more than 24 hours.');
}

const getInput = z.object({
  ...groupReference,
  logStreamName: streamName,
  startTime: timestamp.optional(),
  endTime: timestamp.optional(),
  startFromHead: z.boolean().default(false),
  limit: z.number().int().min(1).max(10_000).default(10_000),
  nextToken: token.optional(),
});

/** At an end of the stream the answer has the token that was asked with: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html */
export const getLogEvents: LogsOperation = async (call) => {
  const input = read(getInput, call);
  const group = groupOf(call, input);
  authorize(call, group, input.logStreamName);
  const start = input.startFromHead ? ({ direction: 'forward', from: 'start' } as const) : ({ direction: 'backward', from: 'end' } as const);
  const page = await call.store.streamPage(call.accountId, group, input.logStreamName, {
    ...(input.nextToken === undefined ? start : readOffsetToken(input.nextToken)),
    startTime: input.startTime,
    endTime: input.endTime,
    limit: input.limit,
    maxBytes: MAX_BATCH_BYTES,
  });
  if (page === undefined) throw await missing(call, group);
  return {
    members: {
      events: page.events.map(({ time, text, ingested }) => ({ timestamp: time, message: text, ingestionTime: ingested })),
      nextForwardToken: offsetToken('forward', page.last),
      nextBackwardToken: offsetToken('backward', page.first),
    },
  };
};

const filterInput = z.object({
  ...groupReference,
  logStreamNames: z.array(streamName).min(1).max(100).optional(),
  logStreamNamePrefix: streamName.optional(),
  startTime: timestamp.optional(),
  endTime: timestamp.optional(),
  filterPattern: z.string().max(1024).default(''),
  limit: z.number().int().min(1).max(10_000).default(10_000),
  nextToken: token.optional(),
});

export const filterLogEvents: LogsOperation = async (call) => {
  const input = read(filterInput, call);
  const group = groupOf(call, input);
  authorize(call, group);
  const { logStreamNames: names, logStreamNamePrefix: prefix = '' } = input;
  if (names !== undefined && input.logStreamNamePrefix !== undefined) throw invalid('LogStream names and LogStream name prefix are mutually exclusive parameters.');
  const matches = filterPattern(input.filterPattern);
  if (names !== undefined) {
    const known = new Set((await call.store.streams(call.accountId, group))?.map(({ name }) => name));
    if (known.size > 0 && names.some((name) => !known.has(name))) throw noStream();
  }
  const page = await call.store.groupPage(call.accountId, group, {
    wanted: (name) => names?.includes(name) ?? name.startsWith(prefix),
    matches,
    startTime: input.startTime,
    endTime: input.endTime === undefined ? undefined : input.endTime + 1, // here the end is part of the range
    after: input.nextToken === undefined ? undefined : readCursorToken(input.nextToken),
    limit: input.limit,
    maxBytes: MAX_BATCH_BYTES,
  });
  if (page === undefined) throw noGroup();
  return {
    members: {
      events: page.events.map((event) => ({ logStreamName: event.stream, timestamp: event.time, message: event.text, ingestionTime: event.ingested, eventId: eventId(event) })),
      searchedLogStreams: [],
      nextToken: page.next && cursorToken(page.next),
    },
  };
};

/** 56 digits: time, stream, offset. The same event always has the same, another in its group another. */
function eventId({ stream, time, offset }: LogEvent & { readonly stream: string }): string {
  const hash = createHash('sha256').update(stream).digest().readBigUInt64BE();
  return `${String(time).padStart(16, '0')}${String(hash).padStart(20, '0')}${String(offset).padStart(20, '0')}`;
}
