import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { EventHub } from '../../../src/events/hub.js';
import { followEvents } from '../../../src/events/follower.js';
import { createFeed } from '../../../src/events/feed.js';
import { startPruner } from '../../../src/events/pruner.js';
import type { EventRecord } from '../../../src/store/contracts.js';
import { FakeClock, IMAGE as WEB, World, WHO } from '../microvms/fakes.js';
import { recordEvents } from '../../../src/events/recorder.js';
import { ACCOUNT, image, IMAGE, microvm, OTHER, recorded, type Recorded, REGION, version } from './support.js';

const changes = (events: readonly EventRecord[]): unknown[] => events.map(({ detail: { previousState, state } }) => [previousState, state]);

describe('events', () => {
  let world: Recorded;
  beforeEach(async () => {
    world = await recorded();
  });
  afterEach(() => world.close());

  it('has one for each change of a MicroVM’s state, and none for what is no change', () => {
    const { store } = world;
    store.insertMicrovm(microvm(1), 'secret payload');
    store.updateMicrovm('microvm-1', { state: 'RUNNING', lastActivity: 1 });
    store.updateMicrovm('microvm-1', { lastActivity: 2 });
    store.updateMicrovm('microvm-1', { state: 'RUNNING', stateReason: 'as before' });
    store.updateMicrovm('microvm-1', { state: 'TERMINATING', stateReason: 'Success.' });
    const events = world.events();
    assert.deepEqual(events.map(({ number }) => number), [1, 2, 3]);
    assert.deepEqual(events.map(({ detail }) => detail), [
      { microvmId: 'microvm-1', imageArn: IMAGE, imageVersion: '1.0', state: 'PENDING', previousState: null, stateReason: null },
      { microvmId: 'microvm-1', imageArn: IMAGE, imageVersion: '1.0', state: 'RUNNING', previousState: 'PENDING', stateReason: null },
      { microvmId: 'microvm-1', imageArn: IMAGE, imageVersion: '1.0', state: 'TERMINATING', previousState: 'RUNNING', stateReason: 'Success.' },
    ]);
    assert.ok(!JSON.stringify(events).includes('secret payload'));
  });

  it('has none for what was rolled back, and gives its number again', () => {
    const { store } = world;
    assert.throws(() => store.transaction(() => {
      store.insertMicrovm(microvm(1));
      throw new Error('no answer');
    }), /no answer/);
    assert.deepEqual(world.events(), []);
    assert.throws(() => store.updateMicrovm('microvm-1', { state: 'RUNNING' }));
    store.insertMicrovm(microvm(1));
    assert.throws(() => store.insertMicrovm(microvm(1)));
    assert.deepEqual(world.events().map(({ number }) => number), [1]);
  });

  it('follows an image and its versions to their deletion', () => {
    const { store } = world;
    store.insertImage(image);
    store.insertVersion(version('1.0'));
    store.updateVersion(IMAGE, '1.0', { state: 'IN_PROGRESS' });
    store.updateVersion(IMAGE, '1.0', { state: 'FAILED', stateReason: 'ARCHIVE_INVALID: no zip' });
    store.updateImage(IMAGE, { state: 'CREATE_FAILED' });
    store.updateImage(IMAGE, { updatedAt: 9 });
    store.deleteImage(IMAGE);
    assert.deepEqual(world.events().map(({ type, detail: { imageVersion, previousState, state, stateReason } }) => [type, imageVersion, previousState, state, stateReason]), [
      ['MicroVM Image State Change', null, null, 'CREATING', null],
      ['MicroVM Image State Change', '1.0', null, 'PENDING', null],
      ['MicroVM Image State Change', '1.0', 'PENDING', 'IN_PROGRESS', null],
      ['MicroVM Image State Change', '1.0', 'IN_PROGRESS', 'FAILED', 'ARCHIVE_INVALID: no zip'],
      ['MicroVM Image State Change', null, 'CREATING', 'CREATE_FAILED', null],
      ['MicroVM Image State Change', '1.0', 'FAILED', 'DELETED', null],
      ['MicroVM Image State Change', null, 'CREATE_FAILED', 'DELETED', null],
    ]);
    assert.equal(store.getImage(IMAGE), undefined);
  });

  it('counts each account by itself, and is told in EventBridge’s shape', () => {
    const { store, hub } = world;
    store.insertMicrovm(microvm(1));
    store.insertMicrovm(microvm(2, { accountId: OTHER }));
    store.insertMicrovm(microvm(3));
    assert.deepEqual([world.events(), world.events(OTHER)].map((events) => events.map(({ number, detail }) => [number, detail['microvmId']])), [[[1, 'microvm-1'], [2, 'microvm-3']], [[1, 'microvm-2']]]);
    const feed = createFeed(store, hub, REGION);
    assert.equal(feed.last(ACCOUNT), 2);
    const [told] = feed.after(ACCOUNT, 1, 10);
    assert.ok(told !== undefined);
    const { id, time, detail, ...rest } = told.event;
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/);
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(detail['microvmId'], 'microvm-3');
    assert.deepEqual(rest, { version: '0', 'detail-type': 'MicroVM State Change', source: 'tardigrade.microvms', account: ACCOUNT, region: REGION, resources: [`arn:aws:lambda:${REGION}:${ACCOUNT}:microvm:microvm-3`, IMAGE] });
  });

  it('forgets what is old and what is too much, and never gives a number twice', () => {
    const { store } = world;
    const clock = new FakeClock();
    for (let n = 1; n <= 5; n++) store.appendEvent({ accountId: ACCOUNT, id: `e${n}`, at: clock.now(), type: 'MicroVM State Change', resources: [], detail: {} });
    store.appendEvent({ accountId: OTHER, id: 'o1', at: clock.now() - 3_600_001, type: 'MicroVM State Change', resources: [], detail: {} });
    const stop = startPruner(store, clock, { hours: 1, events: 2 }, (error) => assert.fail(String(error)));
    assert.deepEqual(world.events().map(({ number }) => number), [4, 5]);
    assert.deepEqual(world.events(OTHER), []);
    clock.advance(3_660_000);
    assert.deepEqual(world.events(), []);
    stop();
    assert.equal(clock.waiting, 0);
    assert.equal(store.appendEvent({ accountId: ACCOUNT, id: 'e6', at: 1, type: 'MicroVM State Change', resources: [], detail: {} }), 6);
    assert.equal(store.lastEventPosition(), 7);
  });

  it('wakes those who wait for that account once a change is durable, and gives each event to followers once', async () => {
    const { store, hub } = world;
    const seen: number[] = [];
    const stop = followEvents(store, hub, ({ position }) => void seen.push(position), (error) => assert.fail(String(error)));
    const [ours, others] = [hub.watch(ACCOUNT), hub.watch(OTHER)];
    const { signal } = new AbortController();
    store.insertMicrovm(microvm(1));
    assert.equal(await ours?.next(10_000, signal), 'news');
    assert.equal(await others?.next(1, signal), 'quiet');
    assert.equal(await ours?.next(1, signal), 'quiet');
    store.insertMicrovm(microvm(2));
    stop();
    assert.deepEqual(seen, [1, 2]);
    const gone = new AbortController();
    const waiting = ours?.next(10_000, gone.signal);
    gone.abort(new Error('gone'));
    await assert.rejects(waiting ?? Promise.resolve(), /gone/);
  });

  it('lets an account wait so many times at once', () => {
    const hub = new EventHub(new FakeClock());
    const all = Array.from({ length: 33 }, () => hub.watch(ACCOUNT));
    assert.deepEqual([all[31] === undefined, all[32] === undefined, hub.watch(OTHER) === undefined], [false, true, false]);
    all[0]?.close();
    assert.ok(hub.watch(ACCOUNT) !== undefined);
  });
});

describe('events of a MicroVM’s life', () => {
  it('has its states in order, those of a daemon that died and of the next one', async () => {
    const world = await World.create();
    try {
      world.store = recordEvents({ store: world.store, clock: world.clock, region: 'us-east-1', announce: () => undefined, logger: { error: (...args: unknown[]) => assert.fail(JSON.stringify(args)) } }).store;
      world.restart();
      const id = await world.suspended();
      await world.microvms.resume(WHO, id);
      world.survivors.add(id);
      world.restart();
      await world.microvms.start();
      await world.microvms.terminate(WHO, id);
      await world.reaches(id, 'TERMINATED');
      const events = world.store.eventsOf(WHO.accountId, 0, 100);
      assert.deepEqual(changes(events), [
        [null, 'PENDING'], ['PENDING', 'RUNNING'], ['RUNNING', 'SUSPENDING'], ['SUSPENDING', 'SUSPENDED'], ['SUSPENDED', 'RUNNING'], ['RUNNING', 'TERMINATING'], ['TERMINATING', 'TERMINATED'],
      ]);
      assert.ok(events.every(({ detail, resources }) => detail['microvmId'] === id && resources[1] === WEB));
    } finally {
      await world.destroy();
    }
  });
});
