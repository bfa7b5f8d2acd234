import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { GroupCursor, LogEvent, LogStore, StreamPageRequest } from '../../../src/logs/contracts.js';
import { encodeName } from '../../../src/logs/names.js';
import { cutText, decodeRecord, encodeRecord } from '../../../src/logs/record.js';
import { createLogStore, type LogStoreOptions } from '../../../src/logs/store.js';

const ACCOUNT = '000000000000';
const TIME = Date.UTC(2026, 6, 1, 12);
const ALL: StreamPageRequest = { from: 'start', direction: 'forward', limit: 100_000, maxBytes: 1e9 };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'logs-'));
});
afterEach(() => rm(dir, { recursive: true }));

const open = (options: LogStoreOptions = {}): LogStore => createLogStore(dir, { now: () => TIME + 1e6, ...options });

/** Of a whole stream, over as many pages as it takes. */
async function read(store: LogStore, group = 'g', name = 's', request: Partial<StreamPageRequest> = {}): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  let from: StreamPageRequest['from'] = 'start';
  for (;;) {
    const page = await store.streamPage(ACCOUNT, group, name, { ...ALL, ...request, from });
    if (page === undefined || page.last === from) return events;
    events.push(...page.events);
    from = page.last;
  }
}
const texts = async (store: LogStore, group?: string, name?: string): Promise<string[]> => (await read(store, group, name)).map(({ text }) => text);

async function writeLines(store: LogStore, lines: readonly string[], name = 's', time = TIME): Promise<void> {
  const writer = store.stream(ACCOUNT, 'g', name);
  for (const [i, line] of lines.entries()) writer.write(time + i, line);
  await writer.close();
}

describe('log store: lines', () => {
  it('keeps events with their times, in order, also for the next process', async () => {
    const group = '/aws/lambda-microvms/web';
    const name = '2026/07/01[1.0]microvm-1';
    const store = open();
    const writer = store.stream(ACCOUNT, group, name);
    for (let i = 0; i < 500; i++) writer.write(TIME + i, `line ${i}`);
    await writer.close();
    for (const reader of [store, open()]) {
      const events = await read(reader, group, name);
      assert.deepEqual(events.map(({ text, time }) => [text, time]), Array.from({ length: 500 }, (_, i) => [`line ${i}`, TIME + i]));
      assert.deepEqual(await reader.streams(ACCOUNT, group), [
        { name, createdAt: TIME + 1e6, bytes: (events.at(-1)?.offset ?? 0) + 53 + 'line 499\n'.length, firstEventTime: TIME, lastEventTime: TIME + 499, lastIngestionTime: TIME + 1e6 },
      ]);
    }
  });

  it('keeps any text one record: line ends, backslashes, records of others, what is no UTF-8', async () => {
    const hostile = ['a\nb\r\nc', 'back\\slash \\n not a line end', '\\', '', `${encodeRecord({ time: 1, order: 1, ingested: 1, text: 'forged' })}tail`, '\t\0\u2028', '🦀'];
    const store = open();
    await writeLines(store, [...hostile, 'lone \ud800']);
    assert.deepEqual(await texts(store), [...hostile, 'lone \ufffd']);
  });

  it('cuts a text at 256 KiB with its overhead, not inside a character', async () => {
    const store = open();
    await writeLines(store, ['🦀'.repeat(100_000), 'next']);
    const [long, next] = await texts(store);
    assert.equal(next, 'next');
    assert.equal(Buffer.byteLength(long ?? ''), Math.floor((256 * 1024 - 26) / 4) * 4);
    assert.equal(cutText('añb', 2), 'a');
  });

  it('takes a time that cannot be for now', async () => {
    const store = open();
    const writer = store.stream(ACCOUNT, 'g', 's');
    for (const time of [NaN, Infinity, -1, TIME + 1e9]) writer.write(time, 'x');
    await writer.close();
    assert.deepEqual((await read(store)).map(({ time }) => time), Array<number>(4).fill(TIME + 1e6));
  });

  it('goes on behind half a record that a crash left', async () => {
    await writeLines(open(), ['one']);
    await appendFile(join(dir, ACCOUNT, 'g', 's', '0000000000000000.log'), '2026-07-01T12:00:00.000Z\t17');
    assert.deepEqual(await texts(open()), ['one']);
    const store = open();
    await writeLines(store, ['two']);
    assert.deepEqual(await texts(store), ['one', 'two']);
    assert.equal(decodeRecord('2026-07-01T12:00:00.000Z\t17'), undefined);
  });

  it('lets several writers share a stream, also while one closes', async () => {
    const store = open();
    const first = store.stream(ACCOUNT, 'g', 's');
    const second = store.stream(ACCOUNT, 'g', 's');
    first.write(TIME, '1');
    await first.close();
    second.write(TIME, '2');
    const closing = second.close();
    const third = store.stream(ACCOUNT, 'g', 's');
    await closing;
    third.write(TIME, '3');
    await third.close();
    first.write(TIME, 'after close');
    assert.deepEqual(await texts(store), ['1', '2', '3']);
  });

  it('makes a stream anew that was deleted under its writer', async () => {
    const store = open();
    const writer = store.stream(ACCOUNT, 'g', 's');
    writer.write(TIME, 'before');
    for (let i = 0; (await texts(store)).length === 0; i++) {
      assert.ok(i < 100_000, 'never written');
      await new Promise(setImmediate);
    }
    assert.equal(await store.deleteGroup(ACCOUNT, 'g'), true);
    assert.deepEqual(await store.groups(ACCOUNT), []);
    writer.write(TIME, 'after');
    await writer.close();
    assert.deepEqual(await texts(store), ['after']);
  });

  it('is for its owner only, and for one account', async () => {
    const store = open();
    await writeLines(store, ['secret']);
    const folder = join(dir, ACCOUNT, 'g', 's');
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.equal((await stat(join(folder, '0000000000000000.log'))).mode & 0o777, 0o600);
    assert.deepEqual(await store.groups('111111111111'), []);
    assert.equal(await store.streams('111111111111', 'g'), undefined);
    await assert.rejects(store.groups('../000000000000'), /12 digits/);
  });

  it('counts what the disk refuses, tells of it, and closes all the same', async () => {
    await mkdir(join(dir, ACCOUNT));
    await writeFile(join(dir, ACCOUNT, 'g'), 'a file where the folder should be');
    const errors: unknown[] = [];
    const store = open({ onError: (error) => errors.push(error) });
    const writer = store.stream(ACCOUNT, 'g', 's');
    writer.write(TIME, 'lost 1');
    writer.write(TIME, 'lost 2');
    for (let i = 0; errors.length === 0; i++) {
      assert.ok(i < 100_000, 'the failure was never reported');
      await new Promise(setImmediate);
    }
    await rm(join(dir, ACCOUNT, 'g'));
    writer.write(TIME, 'kept');
    await writer.close();
    const [notice, kept] = await texts(store);
    assert.match(notice ?? '', /\[2 log lines lost: /);
    assert.equal(kept, 'kept');
    assert.equal(store.counters().lostLines, 2);
  });

  it('drops and counts lines when far more come than the disk takes', async () => {
    const store = open();
    const writer = store.stream(ACCOUNT, 'g', 's');
    for (let i = 0; i < 200; i++) writer.write(TIME, 'x'.repeat(64 * 1024));
    await writer.close();
    const kept = (await texts(store)).filter((text) => text.startsWith('x')).length;
    assert.ok(kept >= 60 && kept < 70, String(kept));
    assert.equal(store.counters().lostLines, 200 - kept);
  });
});

describe('log store: pages', () => {
  const many = Array.from({ length: 5000 }, (_, i) => `line ${i} ${'.'.repeat(i % 300)}`);

  it('go forward and backward without gap or overlap, over segments', async () => {
    const store = open({ segmentBytes: 100_000 });
    for (let i = 0; i < many.length; i += 500) await writeLines(store, many.slice(i, i + 500));
    assert.ok((await readdir(join(dir, ACCOUNT, 'g', 's'))).length > 5);
    const forward: string[] = [];
    for (let from: StreamPageRequest['from'] = 'start'; ; ) {
      const page = await store.streamPage(ACCOUNT, 'g', 's', { ...ALL, from, limit: 333 });
      assert.ok(page);
      if (page.events.length === 0) break;
      assert.ok(page.events.length <= 333);
      forward.push(...page.events.map(({ text }) => text));
      from = page.last;
    }
    assert.deepEqual(forward, many);
    const backward: string[] = [];
    for (let from: StreamPageRequest['from'] = 'end'; ; ) {
      const page = await store.streamPage(ACCOUNT, 'g', 's', { ...ALL, direction: 'backward', from, maxBytes: 10_000 });
      assert.ok(page);
      if (page.events.length === 0) break;
      backward.unshift(...page.events.map(({ text }) => text));
      from = page.first;
    }
    assert.deepEqual(backward, many);
  });

  it('hold at least one event, and take an offset inside a record for the next one', async () => {
    const store = open();
    await writeLines(store, ['x'.repeat(1000), 'two', 'three']);
    const page = await store.streamPage(ACCOUNT, 'g', 's', { ...ALL, maxBytes: 1 });
    assert.deepEqual(page?.events.map(({ text }) => text.length), [1000]);
    for (const [direction, from, want] of [['forward', 500, ['two', 'three']], ['backward', 1060, ['x'.repeat(1000)]], ['forward', 1e9, []], ['backward', 1e9, ['x'.repeat(1000), 'two', 'three']]] as const) {
      assert.deepEqual((await store.streamPage(ACCOUNT, 'g', 's', { ...ALL, direction, from }))?.events.map(({ text }) => text), want, `${direction} ${from}`);
    }
  });

  it('have the time range asked for, also of events that came late', async () => {
    const store = open({ segmentBytes: 50_000 });
    await store.createGroup(ACCOUNT, 'g');
    await store.createStream(ACCOUNT, 'g', 's');
    const times = Array.from({ length: 3000 }, (_, i) => TIME + i * 10 - (i % 7 === 0 ? 400 : 0));
    for (let i = 0; i < times.length; i += 100) await store.append(ACCOUNT, 'g', 's', times.slice(i, i + 100).map((time) => ({ time, text: `at ${time} ${'.'.repeat(50)}` })));
    for (const [startTime, endTime] of [[TIME + 12_345, TIME + 12_999], [TIME + 29_000, undefined], [undefined, TIME + 50], [TIME + 1e7, undefined]] as const) {
      const want = times.filter((time) => time >= (startTime ?? 0) && time < (endTime ?? Infinity));
      for (const request of [{ direction: 'forward', from: 'start' }, { direction: 'backward', from: 'end' }] as const) {
        const page = await store.streamPage(ACCOUNT, 'g', 's', { ...ALL, ...request, startTime, endTime });
        assert.deepEqual(page?.events.map(({ time }) => time), want);
      }
      const merged = await store.groupPage(ACCOUNT, 'g', { wanted: () => true, matches: () => true, startTime, endTime, limit: 1e5, maxBytes: 1e9 });
      assert.deepEqual(merged?.events.map(({ time }) => time), want);
    }
  });

  it('of a group merge its streams, each event once, also while events come', async () => {
    const store = open();
    for (const name of ['b', 'a', 'c']) await writeLines(store, Array.from({ length: 50 }, (_, i) => `${name}${i}`), name, name === 'c' ? TIME + 30 : TIME);
    const seen: string[] = [];
    let after: GroupCursor | undefined;
    do {
      const page = await store.groupPage(ACCOUNT, 'g', { wanted: (name) => name !== 'x', matches: (text) => !text.endsWith('7'), after, limit: 7, maxBytes: 1e6 });
      assert.ok(page);
      seen.push(...page.events.map(({ text }) => text));
      after = page.next;
      await writeLines(store, ['x'], 'x');
    } while (after !== undefined);
    const at = (text: string): number => Number(text.slice(1)) + (text.startsWith('c') ? 30 : 0);
    const want = ['a', 'b', 'c'].flatMap((name) => Array.from({ length: 50 }, (_, i) => `${name}${i}`)).filter((text) => !text.endsWith('7')).sort((x, y) => at(x) - at(y) || (x < y ? -1 : 1));
    assert.deepEqual(seen, want);
  });
});

describe('log store: what is kept', () => {
  it('drops the oldest of a stream at its cap and counts it; offsets stay', async () => {
    const store = open({ streamBytes: 40_000, segmentBytes: 10_000 });
    const offsets = new Map<string, number>();
    for (let i = 0; i < 100; i++) {
      await writeLines(store, Array.from({ length: 10 }, (_, k) => `line ${i * 10 + k} ${'.'.repeat(40)}`));
      for (const { text, offset } of await read(store)) assert.equal(offsets.get(text) ?? offset, offsets.set(text, offset).get(text));
    }
    const left = await texts(store);
    const [info] = (await store.streams(ACCOUNT, 'g')) ?? [];
    assert.ok(info && info.bytes <= 40_000 && info.bytes > 25_000, String(info?.bytes));
    assert.equal(left.at(-1)?.split(' ')[1], '999');
    assert.equal(left.length + store.counters().droppedEvents, 1000);
    assert.deepEqual(await texts(open()), left);
  });

  it('drops the oldest of an account at its cap, streams nobody writes to with all they are', async () => {
    let now = TIME;
    const store = open({ now: () => now, accountBytes: 200_000, segmentBytes: 5_000 });
    for (let i = 0; i < 40; i++) {
      now += 1000;
      await writeLines(store, ['.'.repeat(1000)], `s${String(i).padStart(2, '0')}`, now);
      await store.sweep();
    }
    const names = (await store.streams(ACCOUNT, 'g'))?.map(({ name }) => name) ?? [];
    assert.ok(names.length < 25 && names.length > 10, String(names.length));
    assert.equal(names.at(-1), 's39');
    assert.equal(names.length + store.counters().droppedEvents, 40);
    assert.equal((await readdir(join(dir, ACCOUNT, 'g'))).length, names.length + 1);
  });

  it('hides and then removes what retention has ended', async () => {
    let now = TIME;
    const store = open({ now: () => now, segmentBytes: 100 });
    const writer = store.stream(ACCOUNT, 'g', 's');
    for (let day = 0; day < 5; day++) {
      now = TIME + day * 86_400_000;
      await writeLines(store, [`day ${day} ${'.'.repeat(60)}`], 's', now);
    }
    assert.equal((await texts(store)).length, 5);
    assert.equal(await store.setRetention(ACCOUNT, 'g', 3), true);
    assert.deepEqual((await texts(store)).map((text) => text.slice(0, 5)), ['day 1', 'day 2', 'day 3', 'day 4']);
    await store.sweep();
    assert.equal(store.counters().droppedEvents, 1);
    now += 100 * 86_400_000;
    await store.sweep();
    assert.deepEqual(await store.streams(ACCOUNT, 'g'), []);
    assert.equal((await store.groups(ACCOUNT))[0]?.retentionInDays, 3);
    assert.equal(await store.setRetention(ACCOUNT, 'no', 3), false);
    writer.write(now, 'alive');
    await writer.close();
    assert.deepEqual(await texts(store), ['alive']);
  });
});

describe('log store: names', () => {
  it('cannot leave the folder', () => {
    for (const name of ['.', '..', '../../etc/passwd', '/abs', 'a/b', 'nul\0', '', '\u{1F600}', 'x'.repeat(512), '%2e%2e']) {
      assert.match(encodeName(name), /^[A-Za-z0-9_%~-]+$/, name);
      assert.ok(encodeName(name).length < 240);
    }
  });

  it('are different for different names, and come back as they were', async () => {
    const names = ['a', 'A', 'a/b', 'a%2Fb', 'a.b', '.', '..', 'x'.repeat(201), 'x'.repeat(202), `${'x'.repeat(201)}y`, 'é', 'e\u0301', 'group.json'];
    assert.equal(new Set(names.map(encodeName)).size, names.length);
    const store = open();
    for (const name of names) await writeLines(store, [name], name);
    assert.deepEqual((await open().streams(ACCOUNT, 'g'))?.map(({ name }) => name), [...names].sort());
    for (const name of names) assert.deepEqual(await texts(open(), 'g', name), [name]);
  });
});
