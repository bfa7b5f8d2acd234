/** StartLiveTail: what comes into log groups from now on, once a second. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { LiveTailEvent } from '../contracts.js';
import { authorize, groupArn, groupOfIdentifier } from './arn.js';
import { filterPattern } from './filter-pattern.js';
import { invalid, noGroup, read, streamName, type LogsCall, type LogsOperation } from './operation.js';

const UPDATE_MS = 1000;
/** AWS ends a session after three hours. */
const SESSION_MS = 3 * 3_600_000;
/** AWS gives at most so many events a second and says `sampled` when there were more. */
const MAX_UPDATE = 500;

const input = z.object({
  logGroupIdentifiers: z.array(z.string().min(1).max(2048)).min(1).max(10),
  logStreamNames: z.array(streamName).min(1).max(10).optional(),
  logStreamNamePrefixes: z.array(streamName).min(1).max(10).optional(),
  logEventFilterPattern: z.string().max(1024).optional(),
});

export const startLiveTail: LogsOperation = async (call) => {
  const wanted = read(input, call);
  const { logStreamNames: names, logStreamNamePrefixes: prefixes } = wanted;
  if (wanted.logGroupIdentifiers.some((identifier) => !identifier.startsWith('arn:'))) throw invalid('logGroupIdentifiers: StartLiveTail takes the ARNs of log groups, without :* at the end.');
  const groups = wanted.logGroupIdentifiers.map((identifier) => groupOfIdentifier(call, identifier));
  for (const group of groups) authorize(call, group);
  if (names !== undefined && prefixes !== undefined) throw invalid('logStreamNames and logStreamNamePrefixes are mutually exclusive parameters.');
  if ((names !== undefined || prefixes !== undefined) && groups.length > 1) throw invalid('logStreamNames and logStreamNamePrefixes can be specified with one log group only.');
  const known = new Set((await call.store.groups(call.accountId)).map(({ name }) => name));
  if (groups.some((group) => !known.has(group))) throw noGroup();
  const filter: Filter = {
    matches: filterPattern(wanted.logEventFilterPattern ?? ''),
    stream: (name) => names?.includes(name) ?? prefixes?.some((prefix) => name.startsWith(prefix)) ?? true,
  };
  const session = { requestId: randomUUID(), sessionId: randomUUID(), ...wanted };
  // Read before the answer begins: what comes after it is the session's.
  const positions = await ends(call, groups, filter);
  return { events: (signal) => tail(call, groups, filter, session, positions, signal) };
};

interface Filter {
  readonly matches: (text: string) => boolean;
  readonly stream: (name: string) => boolean;
}

/** By group and stream: offset up to which the session has seen it. */
type Positions = Map<string, number>;

async function ends(call: LogsCall, groups: readonly string[], filter: Filter): Promise<Positions> {
  const positions: Positions = new Map();
  for (const group of groups) {
    for (const { name } of (await call.store.streams(call.accountId, group)) ?? []) {
      if (!filter.stream(name)) continue;
      const page = await call.store.streamPage(call.accountId, group, name, { from: 'end', direction: 'forward', limit: 1, maxBytes: 1 });
      if (page !== undefined) positions.set(`${group}:${name}`, page.last);
    }
  }
  return positions;
}

async function* tail(call: LogsCall, groups: readonly string[], filter: Filter, session: Readonly<Record<string, unknown>>, positions: Positions, signal: AbortSignal): AsyncGenerator<LiveTailEvent> {
  yield { type: 'sessionStart', payload: session };
  const until = call.now() + SESSION_MS;
  while (call.now() < until) {
    await sleep(UPDATE_MS, undefined, { signal }).catch(() => undefined); // aborted: the next line ends the session
    if (signal.aborted) return;
    const found = await news(call, groups, filter, positions);
    yield { type: 'sessionUpdate', payload: { sessionMetadata: { sampled: found.length > MAX_UPDATE }, sessionResults: found.slice(0, MAX_UPDATE) } };
  }
}

async function news(call: LogsCall, groups: readonly string[], filter: Filter, positions: Positions): Promise<Record<string, unknown>[]> {
  const found: (Record<string, unknown> & { timestamp: number })[] = [];
  for (const group of groups) {
    for (const { name } of (await call.store.streams(call.accountId, group)) ?? []) {
      if (!filter.stream(name)) continue;
      const key = `${group}:${name}`;
      const page = await call.store.streamPage(call.accountId, group, name, { from: positions.get(key) ?? 'start', direction: 'forward', limit: 10_000, maxBytes: 1024 * 1024 });
      if (page === undefined) continue;
      positions.set(key, page.last);
      for (const { time, text, ingested } of page.events) {
        if (filter.matches(text)) found.push({ logGroupIdentifier: groupArn(call, group), logStreamName: name, timestamp: time, message: text, ingestionTime: ingested });
      }
    }
  }
  return found.sort((a, b) => a.timestamp - b.timestamp);
}
