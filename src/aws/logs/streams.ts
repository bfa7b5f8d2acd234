/** CreateLogStream, DeleteLogStream, DescribeLogStreams. */
import { z } from 'zod';
import type { LogStreamInfo } from '../../logs/contracts.js';
import { LogsError } from '../contracts.js';
import { authorize, groupOf, groupReference, streamArn } from './arn.js';
import { done, groupName, invalid, noGroup, noStream, read, streamName, token, type LogsCall, type LogsOperation } from './operation.js';
import { keyToken, pageByKey, readKeyToken } from './tokens.js';

const streamInput = z.object({ logGroupName: groupName, logStreamName: streamName });

export const createLogStream: LogsOperation = async (call) => {
  const { logGroupName, logStreamName } = read(streamInput, call);
  authorize(call, logGroupName, logStreamName);
  const outcome = await call.store.createStream(call.accountId, logGroupName, logStreamName);
  if (outcome === 'no-group') throw noGroup();
  if (outcome === 'exists') throw new LogsError('ResourceAlreadyExistsException', 'The specified log stream already exists');
  return done;
};

export const deleteLogStream: LogsOperation = async (call) => {
  const { logGroupName, logStreamName } = read(streamInput, call);
  authorize(call, logGroupName, logStreamName);
  if (await call.store.deleteStream(call.accountId, logGroupName, logStreamName)) return done;
  throw await missing(call, logGroupName);
};

/** Which of the two is not there. */
export async function missing({ store, accountId }: LogsCall, group: string): Promise<LogsError> {
  return (await store.groups(accountId)).some(({ name }) => name === group) ? noStream() : noGroup();
}

const describeInput = z.object({
  ...groupReference,
  logStreamNamePrefix: streamName.optional(),
  orderBy: z.enum(['LogStreamName', 'LastEventTime']).default('LogStreamName'),
  descending: z.boolean().default(false),
  limit: z.number().int().min(1).max(50).default(50),
  nextToken: token.optional(),
});

export const describeLogStreams: LogsOperation = async (call) => {
  const input = read(describeInput, call);
  const group = groupOf(call, input);
  authorize(call, group);
  if (input.orderBy === 'LastEventTime' && input.logStreamNamePrefix !== undefined) {
    throw invalid('Cannot order by LastEventTime with a logStreamNamePrefix.');
  }
  const all = await call.store.streams(call.accountId, group);
  if (all === undefined) throw noGroup();
  const wanted = all.filter(({ name }) => name.startsWith(input.logStreamNamePrefix ?? ''));
  const { items, nextToken } = page(wanted, input);
  const logStreams = items.map(({ name, createdAt, firstEventTime, lastEventTime, lastIngestionTime }) => ({
    logStreamName: name,
    creationTime: createdAt,
    firstEventTimestamp: firstEventTime,
    lastEventTimestamp: lastEventTime,
    lastIngestionTime,
    arn: streamArn(call, group, name),
    storedBytes: 0, // as AWS answers for every stream since 2019
  }));
  return { members: { logStreams, nextToken } };
};

function page(streams: readonly LogStreamInfo[], { orderBy, descending, limit, nextToken }: z.infer<typeof describeInput>): { items: LogStreamInfo[]; nextToken: string | undefined } {
  if (orderBy === 'LastEventTime') {
    const sign = descending ? -1 : 1;
    return pageByKey(streams, ({ name, lastEventTime, createdAt }) => [sign * (lastEventTime ?? createdAt), name], limit, nextToken);
  }
  if (!descending) return pageByKey(streams, ({ name }) => [0, name], limit, nextToken);
  const sorted = [...streams].sort((a, b) => (a.name < b.name ? 1 : -1));
  const after = nextToken === undefined ? undefined : readKeyToken(nextToken)[1];
  const rest = after === undefined ? sorted : sorted.filter(({ name }) => name < after);
  const last = rest[limit - 1];
  return { items: rest.slice(0, limit), nextToken: last !== undefined && rest.length > limit ? keyToken([0, last.name]) : undefined };
}
