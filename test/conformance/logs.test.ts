/** The CloudWatch Logs subset through the unmodified SDK. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CloudWatchLogsClient, CloudWatchLogsServiceException, CreateLogGroupCommand, CreateLogStreamCommand, DeleteLogGroupCommand, DeleteLogStreamCommand,
  DeleteRetentionPolicyCommand, DescribeLogGroupsCommand, DescribeLogStreamsCommand, FilterLogEventsCommand, GetLogEventsCommand, GetQueryResultsCommand,
  PutLogEventsCommand, PutRetentionPolicyCommand, StartLiveTailCommand, type FilterLogEventsCommandInput, type GetLogEventsCommandInput, type InputLogEvent, type LiveTailSessionLogEvent,
} from '@aws-sdk/client-cloudwatch-logs';
import { accountId, key, otherKey, region, startHarness, type Harness } from './harness.js';

let api: Harness;
let logs: CloudWatchLogsClient;
const G = '/aws/lambda-microvms/web';
const now = Date.now();

before(async () => {
  api = await startHarness();
  logs = client();
});
after(async () => {
  logs.destroy();
  await api.close();
});

function client(credentials = key): CloudWatchLogsClient {
  return new CloudWatchLogsClient({ endpoint: api.url, region, credentials, maxAttempts: 1, disableHostPrefix: true });
}

const fails = (name: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CloudWatchLogsServiceException, String(error));
  assert.deepEqual([error.name, error.$metadata.httpStatusCode], [name, 400]);
  assert.match(error.message, text);
  return true;
};
const groupMissing = fails('ResourceNotFoundException', /^The specified log group does not exist\.$/);
const streamMissing = fails('ResourceNotFoundException', /^The specified log stream does not exist\.$/);
const bad = (text: RegExp) => fails('InvalidParameterException', text);

async function fill(group: string, stream: string, logEvents: InputLogEvent[]): Promise<void> {
  await logs.send(new CreateLogGroupCommand({ logGroupName: group })).catch((error: unknown) => assert.equal((error as Error).name, 'ResourceAlreadyExistsException'));
  await logs.send(new CreateLogStreamCommand({ logGroupName: group, logStreamName: stream }));
  await logs.send(new PutLogEventsCommand({ logGroupName: group, logStreamName: stream, logEvents }));
}
const lines = (count: number, name = 'line', from = now - 60_000): InputLogEvent[] => Array.from({ length: count }, (_, i) => ({ timestamp: from + i, message: `${name} ${i}` }));
const get = (input: Partial<GetLogEventsCommandInput>) => logs.send(new GetLogEventsCommand({ logGroupName: G, logStreamName: 's', ...input }));
const filter = (input: FilterLogEventsCommandInput) => logs.send(new FilterLogEventsCommand(input));

describe('log groups', () => {
  test('create, describe by page, prefix and pattern, delete', async () => {
    const names = Array.from({ length: 7 }, (_, i) => `groups/n${i}`);
    for (const logGroupName of names) await logs.send(new CreateLogGroupCommand({ logGroupName }));
    await assert.rejects(logs.send(new CreateLogGroupCommand({ logGroupName: names[0] })), fails('ResourceAlreadyExistsException', /^The specified log group already exists$/));
    const seen: (string | undefined)[] = [];
    let nextToken: string | undefined;
    do {
      const page = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: 'groups/', limit: 3, nextToken }));
      seen.push(...(page.logGroups ?? []).map(({ logGroupName }) => logGroupName));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    assert.deepEqual(seen, names);
    const [found] = (await logs.send(new DescribeLogGroupsCommand({ logGroupNamePattern: 's/n4' }))).logGroups ?? [];
    const arn = `arn:aws:logs:${region}:${accountId}:log-group:groups/n4`;
    assert.deepEqual([found?.logGroupName, found?.arn, found?.logGroupArn, found?.metricFilterCount, found?.storedBytes, found?.logGroupClass], ['groups/n4', `${arn}:*`, arn, 0, 0, 'STANDARD']);
    assert.ok(Math.abs((found?.creationTime ?? 0) - Date.now()) < 60_000);
    for (const logGroupName of names) await logs.send(new DeleteLogGroupCommand({ logGroupName }));
    await assert.rejects(logs.send(new DeleteLogGroupCommand({ logGroupName: names[0] })), groupMissing);
    assert.deepEqual((await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: 'groups/' }))).logGroups, []);
  });

  test('constraints at both edges, in the words of AWS', async () => {
    await logs.send(new CreateLogGroupCommand({ logGroupName: 'x'.repeat(512) }));
    await logs.send(new DeleteLogGroupCommand({ logGroupName: 'x'.repeat(512) }));
    await assert.rejects(logs.send(new CreateLogGroupCommand({ logGroupName: 'x'.repeat(513) })), bad(/at 'logGroupName' failed to satisfy constraint: Member must have length less than or equal to 512$/));
    await assert.rejects(logs.send(new CreateLogGroupCommand({ logGroupName: 'a b' })), bad(/^1 validation error detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: /));
    await assert.rejects(logs.send(new CreateLogGroupCommand({ logGroupName: undefined })), bad(/Value null at 'logGroupName' failed to satisfy constraint: Member must not be null$/));
    for (const limit of [0, 51]) await assert.rejects(logs.send(new DescribeLogGroupsCommand({ limit })), bad(/at 'limit' failed to satisfy constraint: Member must have value (greater|less) than or equal to (1|50)$/));
    await assert.rejects(logs.send(new DescribeLogGroupsCommand({ nextToken: 'forged' })), bad(/^The specified nextToken is invalid\.$/));
    await assert.rejects(logs.send(new DescribeLogGroupsCommand({ limit: 'many' as unknown as number })), fails('SerializationException', /limit/));
    await assert.rejects(logs.send(new CreateLogGroupCommand({ logGroupName: 'k', kmsKeyId: 'arn' })), bad(/kmsKeyId/));
  });

  test('retention: set, shown, enforced, removed', async () => {
    const group = 'retention';
    await fill(group, 's', [{ timestamp: now - 3 * 86_400_000, message: 'old' }]);
    await logs.send(new PutLogEventsCommand({ logGroupName: group, logStreamName: 's', logEvents: [{ timestamp: now, message: 'new' }] }));
    await logs.send(new PutRetentionPolicyCommand({ logGroupName: group, retentionInDays: 1 }));
    assert.equal((await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: group }))).logGroups?.[0]?.retentionInDays, 1);
    const messages = async () => (await filter({ logGroupName: group })).events?.map(({ message }) => message);
    assert.deepEqual(await messages(), ['new']);
    await logs.send(new DeleteRetentionPolicyCommand({ logGroupName: group }));
    assert.equal((await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: group }))).logGroups?.[0]?.retentionInDays, undefined);
    assert.deepEqual(await messages(), ['old', 'new']);
    await assert.rejects(logs.send(new PutRetentionPolicyCommand({ logGroupName: group, retentionInDays: 2 })), bad(/Invalid retention value 2/));
    await assert.rejects(logs.send(new PutRetentionPolicyCommand({ logGroupName: 'none', retentionInDays: 1 })), groupMissing);
    await assert.rejects(logs.send(new DeleteRetentionPolicyCommand({ logGroupName: 'none' })), groupMissing);
  });
});

describe('log streams', () => {
  test('create, describe in every order and by page, delete', async () => {
    const group = 'streams';
    for (const [i, name] of ['b', 'a', 'd', 'c/1', 'c[2]$'].entries()) await fill(group, name, lines(2, 'x', now - 50_000 + i * 100));
    const describeAll = async (input: Partial<ConstructorParameters<typeof DescribeLogStreamsCommand>[0]>): Promise<(string | undefined)[]> => {
      const seen: (string | undefined)[] = [];
      let nextToken: string | undefined;
      do {
        const page = await logs.send(new DescribeLogStreamsCommand({ logGroupName: group, limit: 2, nextToken, ...input }));
        assert.ok((page.logStreams?.length ?? 0) <= 2);
        seen.push(...(page.logStreams ?? []).map(({ logStreamName }) => logStreamName));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return seen;
    };
    assert.deepEqual(await describeAll({}), ['a', 'b', 'c/1', 'c[2]$', 'd']);
    assert.deepEqual(await describeAll({ descending: true }), ['d', 'c[2]$', 'c/1', 'b', 'a']);
    assert.deepEqual(await describeAll({ orderBy: 'LastEventTime' }), ['b', 'a', 'd', 'c/1', 'c[2]$']);
    assert.deepEqual(await describeAll({ orderBy: 'LastEventTime', descending: true }), ['c[2]$', 'c/1', 'd', 'a', 'b']);
    assert.deepEqual(await describeAll({ logStreamNamePrefix: 'c' }), ['c/1', 'c[2]$']);
    const [one] = (await logs.send(new DescribeLogStreamsCommand({ logGroupIdentifier: `arn:aws:logs:${region}:${accountId}:log-group:${group}` }))).logStreams ?? [];
    assert.deepEqual([one?.logStreamName, one?.firstEventTimestamp, one?.lastEventTimestamp, one?.arn], ['a', now - 49_900, now - 49_899, `arn:aws:logs:${region}:${accountId}:log-group:${group}:log-stream:a`]);
    await assert.rejects(logs.send(new DescribeLogStreamsCommand({ logGroupName: group, orderBy: 'LastEventTime', logStreamNamePrefix: 'c' })), bad(/Cannot order by LastEventTime/));
    await assert.rejects(logs.send(new DescribeLogStreamsCommand({})), bad(/logGroupName/));
    await assert.rejects(logs.send(new DescribeLogStreamsCommand({ logGroupName: 'none' })), groupMissing);
    await assert.rejects(logs.send(new CreateLogStreamCommand({ logGroupName: group, logStreamName: 'a' })), fails('ResourceAlreadyExistsException', /^The specified log stream already exists$/));
    await assert.rejects(logs.send(new CreateLogStreamCommand({ logGroupName: 'none', logStreamName: 'a' })), groupMissing);
    await assert.rejects(logs.send(new CreateLogStreamCommand({ logGroupName: group, logStreamName: 'a:b' })), bad(/logStreamName/));
    await logs.send(new DeleteLogStreamCommand({ logGroupName: group, logStreamName: 'a' }));
    await assert.rejects(logs.send(new DeleteLogStreamCommand({ logGroupName: group, logStreamName: 'a' })), streamMissing);
    await assert.rejects(logs.send(new DeleteLogStreamCommand({ logGroupName: 'none', logStreamName: 'a' })), groupMissing);
  });
});

describe('PutLogEvents', () => {
  test('refuses what breaks its rules, and says what is too old or too new', async () => {
    await fill('put', 's', lines(1));
    const put = (logEvents: InputLogEvent[], more: object = {}) => logs.send(new PutLogEventsCommand({ logGroupName: 'put', logStreamName: 's', logEvents, ...more }));
    await assert.rejects(put(lines(2).reverse()), bad(/chronological order/));
    await assert.rejects(put([]), bad(/logEvents/));
    await assert.rejects(put([{ timestamp: now, message: '' }]), bad(/logEvents\.1\.member\.message/));
    await put([{ timestamp: now, message: 'x'.repeat(256 * 1024 - 26) }]);
    await assert.rejects(put([{ timestamp: now, message: 'x'.repeat(256 * 1024 - 25) }]), bad(/Log event too large/));
    await assert.rejects(put(Array.from({ length: 5 }, () => ({ timestamp: now, message: 'x'.repeat(250_000) }))), bad(/Upload too large/));
    await assert.rejects(put([{ timestamp: now - 90_000_000, message: 'a' }, { timestamp: now, message: 'b' }]), bad(/24 hours/));
    await assert.rejects(put(lines(1), { logStreamName: 'none' }), streamMissing);
    await assert.rejects(put(lines(1), { logGroupName: 'none' }), groupMissing);
    const day = 86_400_000;
    assert.deepEqual((await put([{ timestamp: now - 15 * day, message: 'a' }, { timestamp: now - 14.5 * day, message: 'b' }])).rejectedLogEventsInfo, { tooOldLogEventEndIndex: 2 });
    assert.deepEqual((await put([{ timestamp: now, message: 'a' }, { timestamp: now + day / 2, message: 'b' }])).rejectedLogEventsInfo, { tooNewLogEventStartIndex: 1 });
  });
});

describe('GetLogEvents', () => {
  before(() => fill(G, 's', lines(25)));
  const messages = (page: { events?: { message?: string | undefined }[] | undefined }) => page.events?.map(({ message }) => message);
  const want = (from: number, to: number) => lines(25).slice(from, to).map(({ message }) => message);

  test('forward from the head to the end, where the token stays the same', async () => {
    let page = await get({ startFromHead: true, limit: 10 });
    assert.deepEqual(messages(page), want(0, 10));
    assert.deepEqual([page.events?.[0]?.timestamp, typeof page.events?.[0]?.ingestionTime], [now - 60_000, 'number']);
    page = await get({ startFromHead: true, limit: 10, nextToken: page.nextForwardToken });
    assert.deepEqual(messages(page), want(10, 20));
    assert.deepEqual(messages(await get({ startFromHead: true, limit: 10, nextToken: page.nextBackwardToken })), want(0, 10));
    page = await get({ startFromHead: true, limit: 10, nextToken: page.nextForwardToken });
    assert.deepEqual(messages(page), want(20, 25));
    const end = page.nextForwardToken;
    page = await get({ startFromHead: true, limit: 10, nextToken: end });
    assert.deepEqual([messages(page), page.nextForwardToken], [[], end]);
    await logs.send(new PutLogEventsCommand({ logGroupName: G, logStreamName: 's', logEvents: [{ timestamp: now, message: 'late\nin two lines' }] }));
    assert.deepEqual(messages(await get({ startFromHead: true, nextToken: end })), ['late\nin two lines']);
  });

  test('backward from the tail to the beginning', async () => {
    let page = await get({ endTime: now, limit: 10 });
    assert.deepEqual(messages(page), want(15, 25));
    page = await get({ limit: 100, nextToken: page.nextBackwardToken });
    assert.deepEqual(messages(page), want(0, 15));
    const beginning = page.nextBackwardToken;
    page = await get({ limit: 100, nextToken: beginning });
    assert.deepEqual([messages(page), page.nextBackwardToken], [[], beginning]);
  });

  test('a time range has its start and not its end', async () => {
    for (const startFromHead of [true, false]) {
      assert.deepEqual(messages(await get({ startTime: now - 60_000 + 5, endTime: now - 60_000 + 8, startFromHead })), want(5, 8));
    }
  });

  test('refuses bad tokens, limits, names', async () => {
    for (const nextToken of ['x', 'f/1/s', `f/${'9'.repeat(56)}/s`]) await assert.rejects(get({ nextToken }), bad(/nextToken is invalid/));
    for (const limit of [0, 10_001]) await assert.rejects(get({ limit }), bad(/'limit'/));
    await assert.rejects(get({ logStreamName: 'none' }), streamMissing);
    await assert.rejects(get({ logGroupName: 'none' }), groupMissing);
    await assert.rejects(get({ logGroupIdentifier: 'g' }), bad(/not both/));
  });
});

describe('FilterLogEvents', () => {
  const group = 'filter';
  before(async () => {
    for (const name of ['a', 'b', 'c']) await fill(group, name, lines(40, name));
    await fill('patterns', 's', ['ERROR disk full', 'WARN disk slow', 'INFO "quoted" a-b', 'error lower', 'ERROR DEBUG both'].map((message, i) => ({ timestamp: now + i, message })));
  });

  test('merges streams in time order, over pages, each event once', async () => {
    const seen: string[] = [];
    const ids = new Set<string>();
    let nextToken: string | undefined;
    do {
      const page = await filter({ logGroupName: group, limit: 7, nextToken });
      for (const event of page.events ?? []) {
        seen.push(event.message ?? '');
        ids.add(event.eventId ?? '');
        assert.equal(event.logStreamName, event.message?.charAt(0));
        assert.match(event.eventId ?? '', /^\d{56}$/);
      }
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    assert.deepEqual(seen, Array.from({ length: 120 }, (_, i) => `${'abc'.charAt(i % 3)} ${Math.floor(i / 3)}`));
    assert.equal(ids.size, 120);
  });

  test('takes streams by name or prefix, and a time range with both its ends', async () => {
    const messages = async (input: Partial<FilterLogEventsCommandInput>) => (await filter({ logGroupName: group, startTime: now - 60_000 + 3, endTime: now - 60_000 + 4, ...input })).events?.map(({ message }) => message);
    assert.deepEqual(await messages({}), ['a 3', 'b 3', 'c 3', 'a 4', 'b 4', 'c 4']);
    assert.deepEqual(await messages({ logStreamNames: ['c', 'a'] }), ['a 3', 'c 3', 'a 4', 'c 4']);
    assert.deepEqual(await messages({ logStreamNamePrefix: 'b' }), ['b 3', 'b 4']);
    assert.deepEqual(await messages({ startTime: now }), []);
    await assert.rejects(messages({ logStreamNames: ['none'] }), streamMissing);
    await assert.rejects(messages({ logStreamNames: ['a'], logStreamNamePrefix: 'a' }), bad(/mutually exclusive/));
    await assert.rejects(filter({ logGroupName: 'none' }), groupMissing);
    await assert.rejects(filter({ logGroupName: group, nextToken: 'x' }), bad(/nextToken/));
  });

  for (const [filterPattern, want] of [
    ['', [0, 1, 2, 3, 4]], ['ERROR', [0, 4]], ['disk ERROR', [0]], ['"disk full"', [0]], ['"full disk"', []], ['?ERROR ?WARN', [0, 1, 4]],
    ['ERROR -DEBUG', [0]], ['-disk', [2, 3, 4]], ['"\\"quoted\\""', [2]], ['"a-b"', [2]], ['-"disk full" disk', [1]], ['nothing', []],
  ] as const) {
    test(`pattern ${filterPattern}`, async () => {
      assert.deepEqual((await filter({ logGroupName: 'patterns', filterPattern })).events?.map(({ timestamp }) => (timestamp ?? 0) - now), [...want]);
    });
  }

  for (const filterPattern of ['{ $.level = "x" }', '[a, b]', '%re.*%', '"unclosed', 'a"b']) {
    test(`pattern ${filterPattern} is refused`, () => assert.rejects(filter({ logGroupName: 'patterns', filterPattern }), bad(/^Invalid filter pattern: /)));
  }
});

test('StartLiveTail gives what comes, and only that', async () => {
  const group = 'live';
  await fill(group, 'a', lines(3, 'before'));
  const arn = `arn:aws:logs:${region}:${accountId}:log-group:${group}`;
  await assert.rejects(logs.send(new StartLiveTailCommand({ logGroupIdentifiers: [group] })), bad(/ARN/));
  await assert.rejects(logs.send(new StartLiveTailCommand({ logGroupIdentifiers: [`${arn}x`] })), groupMissing);
  const session = await logs.send(new StartLiveTailCommand({ logGroupIdentifiers: [arn], logEventFilterPattern: '-quiet' }));
  assert.ok(session.responseStream);
  const results: LiveTailSessionLogEvent[] = [];
  for await (const event of session.responseStream) {
    if (event.sessionStart) {
      assert.deepEqual(event.sessionStart.logGroupIdentifiers, [arn]);
      await fill(group, 'b', [{ timestamp: Date.now(), message: 'quiet' }, { timestamp: Date.now(), message: 'hello' }]);
    }
    results.push(...(event.sessionUpdate?.sessionResults ?? []));
    if (results.length > 0) break;
  }
  assert.deepEqual(results.map(({ message, logStreamName, logGroupIdentifier }) => [message, logStreamName, logGroupIdentifier]), [['hello', 'b', arn]]);
});

test('lines that a MicroVM writes are there; another account sees none of it', async () => {
  const writer = api.logStore.stream(accountId, '/aws/lambda-microvms/app', '2026/11/23[1.0]microvm-1');
  writer.write(Date.now(), 'from a guest');
  await writer.close();
  const found = await filter({ logGroupName: '/aws/lambda-microvms/app' });
  assert.deepEqual(found.events?.map(({ message, logStreamName }) => [message, logStreamName]), [['from a guest', '2026/11/23[1.0]microvm-1']]);
  const stranger = client(otherKey);
  assert.deepEqual((await stranger.send(new DescribeLogGroupsCommand({}))).logGroups, []);
  await assert.rejects(stranger.send(new FilterLogEventsCommand({ logGroupName: '/aws/lambda-microvms/app' })), groupMissing);
  await assert.rejects(stranger.send(new FilterLogEventsCommand({ logGroupIdentifier: `arn:aws:logs:${region}:${accountId}:log-group:/aws/lambda-microvms/app` })), groupMissing);
  stranger.destroy();
});

test('who is not known, and what is not served, is told so', async () => {
  const unknown = client({ ...key, accessKeyId: 'TDGKNOBODYNOBODYNOBO' });
  await assert.rejects(unknown.send(new DescribeLogGroupsCommand({})), fails('UnrecognizedClientException', /security token/));
  const wrong = client({ ...key, secretAccessKey: 'not the secret of this key at all' });
  await assert.rejects(wrong.send(new DescribeLogGroupsCommand({})), fails('InvalidSignatureException', /signature/));
  unknown.destroy();
  wrong.destroy();
  await assert.rejects(logs.send(new GetQueryResultsCommand({ queryId: 'x' })), fails('UnknownOperationException', /GetQueryResults/));
  const unsigned = await fetch(api.url, { method: 'POST', headers: { 'x-amz-target': 'Logs_20140328.DescribeLogGroups' }, body: '{}' });
  assert.equal(unsigned.status, 400);
  assert.equal(((await unsigned.json()) as { __type: string }).__type, 'MissingAuthenticationTokenException');
});
