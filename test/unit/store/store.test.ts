import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import Sqlite from 'better-sqlite3';
import { Fault, OperatorError, ValidationError } from '../../../src/errors/index.js';
import type { BuildRecord, ImageRecord, MicrovmRecord, Page, PageRequest, Store, VersionRecord } from '../../../src/store/contracts.js';
import { openStore } from '../../../src/store/sqlite/open.js';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:microvm-image:web';

const image = (name = 'web', over: Partial<ImageRecord> = {}): ImageRecord => ({
  accountId: '000000000000', name, arn: `arn:aws:lambda:us-east-1:000000000000:microvm-image:${name}`, state: 'CREATING',
  latestActiveVersion: undefined, latestFailedVersion: undefined, tags: { team: 'a' }, createdAt: 1_000, updatedAt: 2_000, ...over,
});
const version = (number = '1.0'): VersionRecord => ({
  imageArn: ARN, version: number, state: 'PENDING', status: 'INACTIVE', stateReason: undefined, createdAt: 3, updatedAt: 4,
  config: {
    baseImageArn: 'arn:base', buildRoleArn: 'arn:role', codeArtifact: { uri: 's3://b/k' }, environmentVariables: { A: 'é' },
    hooks: { port: 9000, microvmHooks: { run: 'ENABLED', runTimeoutInSeconds: 5 } },
  },
});
const build = (id: string): BuildRecord => ({
  imageArn: ARN, version: '1.0', buildId: id, state: 'PENDING', stateReason: undefined, architecture: 'ARM_64',
  chipset: 'GRAVITON', chipsetGeneration: '3', snapshotBuild: undefined, createdAt: 9, attempts: 0,
});
const microvm = (n: number, over: Partial<MicrovmRecord> = {}): MicrovmRecord => ({
  id: `microvm-${n}`, accountId: '000000000000', endpointLabel: `label-${n}`, state: 'PENDING', stateReason: undefined, imageArn: ARN,
  imageVersion: '1.0', executionRoleArn: 'arn:aws:iam::000000000000:role/x',
  idlePolicy: { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 0, autoResumeEnabled: true }, logging: { disabled: {} },
  maximumDurationInSeconds: 28800, ingressNetworkConnectors: ['in'], egressNetworkConnectors: ['out'], startedAt: 5, startedSteady: 6, lastActivity: undefined,
  suspendedAt: undefined, terminatedAt: undefined, resumeOnStart: false, ...over,
});

/** All items over all pages, `limit` at a time. */
function walk<T>(limit: number, list: (page: PageRequest) => Page<T>): T[] {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const page = list({ limit, after });
    assert.ok(page.items.length <= limit);
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return items;
}

describe('store', () => {
  let dir: string;
  let file: string;
  let store: Store;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'store-'));
    file = join(dir, 'records.db');
    store = openStore(file);
  });
  afterEach(async () => {
    store.close();
    await rm(dir, { recursive: true });
  });

  it('keeps every member of every record across a reopening', () => {
    store.insertImage(image());
    store.insertVersion(version());
    store.insertBuild(build('b1'));
    store.insertMicrovm(microvm(1));
    store.insertMicrovm(microvm(2, {
      idlePolicy: undefined, logging: undefined, executionRoleArn: undefined, stateReason: 'Success.', suspendedAt: 6, terminatedAt: 7, resumeOnStart: true,
    }));
    store.close();
    store = openStore(file);
    assert.deepEqual(store.getImage(ARN), image());
    assert.deepEqual(store.getVersion(ARN, '1.0'), version());
    assert.deepEqual(store.getBuild(ARN, '1.0', 'b1'), build('b1'));
    assert.deepEqual(store.getMicrovm('microvm-1'), microvm(1));
    assert.equal(store.getMicrovmByEndpoint('label-2')?.terminatedAt, 7);
    assert.equal(store.getMicrovm('microvm-2')?.resumeOnStart, true);
    assert.equal(store.getMicrovm('microvm-2')?.idlePolicy, undefined);
    assert.equal(store.getMicrovm('microvm-9'), undefined);
    assert.equal(store.getBuild(ARN, '2.0', 'b1'), undefined);
  });

  it('is for its owner only, with the files SQLite puts beside it', async () => {
    store.insertImage(image());
    for (const name of [file, `${file}-wal`, `${file}-shm`]) assert.equal((await stat(name)).mode & 0o777, 0o600, name);
  });

  it('changes the members given, clears those given as undefined, leaves the others', () => {
    store.insertImage(image());
    store.insertVersion(version());
    store.insertBuild(build('b1'));
    store.insertMicrovm(microvm(1, { suspendedAt: 6 }));
    store.updateImage(ARN, { state: 'CREATED', latestActiveVersion: '1.0', tags: {} });
    assert.deepEqual(store.getImage(ARN), image('web', { state: 'CREATED', latestActiveVersion: '1.0', tags: {} }));
    store.updateVersion(ARN, '1.0', { state: 'FAILED', stateReason: 'why' });
    assert.deepEqual(store.getVersion(ARN, '1.0'), { ...version(), state: 'FAILED', stateReason: 'why' });
    store.updateBuild('b1', { snapshotBuild: { codeInstallSizeInBytes: 5 } });
    assert.deepEqual(store.getBuild(ARN, '1.0', 'b1'), { ...build('b1'), snapshotBuild: { codeInstallSizeInBytes: 5 } });
    store.updateMicrovm('microvm-1', { state: 'RUNNING', suspendedAt: undefined, resumeOnStart: true });
    assert.deepEqual(store.getMicrovm('microvm-1'), microvm(1, { state: 'RUNNING', resumeOnStart: true }));
    store.updateMicrovm('microvm-1', {});
    assert.equal(store.getMicrovm('microvm-1')?.state, 'RUNNING');
  });

  it('refuses to change what is not there', () => {
    assert.throws(() => store.updateMicrovm('microvm-1', { state: 'RUNNING' }), Fault);
    assert.throws(() => store.updateImage(ARN, { state: 'CREATED' }), Fault);
  });

  it('refuses a name that is taken, in the same account only', () => {
    store.insertImage(image());
    assert.throws(() => store.insertImage(image('web', { arn: 'arn:other' })));
    store.insertImage(image('web', { arn: 'arn:third', accountId: '111111111111' }));
    assert.equal(store.listImages('111111111111', { limit: 5 }).items.length, 1);
  });

  it('deletes an image with its versions and builds, and keeps its MicroVMs', () => {
    store.insertImage(image());
    store.insertVersion(version());
    store.insertBuild(build('b1'));
    store.insertMicrovm(microvm(1));
    store.deleteImage(ARN);
    assert.equal(store.getImage(ARN), undefined);
    assert.equal(store.getVersion(ARN, '1.0'), undefined);
    assert.equal(store.getBuild(ARN, '1.0', 'b1'), undefined);
    assert.equal(store.getMicrovm('microvm-1')?.imageArn, ARN);
    assert.throws(() => store.insertVersion(version()), /FOREIGN KEY/);
  });

  it('pages in creation order, whatever comes and goes meanwhile', () => {
    for (const name of ['c', 'a', 'd', 'b']) store.insertImage(image(name));
    const first = store.listImages('000000000000', { limit: 2 });
    assert.deepEqual(first.items.map((item) => item.name), ['c', 'a']);
    store.deleteImage(image('a').arn);
    store.insertImage(image('e'));
    const rest = walk(1, (page) => store.listImages('000000000000', { ...page, after: page.after ?? first.next }));
    assert.deepEqual(rest.map((item) => item.name), ['d', 'b', 'e']);
  });

  it('has no next page after an exactly full one', () => {
    store.insertImage(image('a'));
    store.insertImage(image('b'));
    assert.equal(store.listImages('000000000000', { limit: 2 }).next, undefined);
    assert.notEqual(store.listImages('000000000000', { limit: 1 }).next, undefined);
    assert.deepEqual(store.listImages('222222222222', { limit: 1 }), { items: [], next: undefined });
  });

  it('refuses a page key it did not give', () => {
    for (const after of ['', 'x', '-1', '1 OR 1=1', '9'.repeat(30)]) {
      assert.throws(() => store.listImages('000000000000', { limit: 1, after }), ValidationError);
    }
  });

  it('lists versions and builds of one image', () => {
    store.insertImage(image());
    for (const number of ['1.0', '2.0', '3.0']) store.insertVersion(version(number));
    store.insertBuild(build('b1'));
    store.insertBuild(build('b2'));
    assert.deepEqual(walk(2, (page) => store.listVersions(ARN, page)).map((item) => item.version), ['1.0', '2.0', '3.0']);
    assert.deepEqual(walk(1, (page) => store.listBuilds(ARN, '1.0', page)).map((item) => item.buildId), ['b1', 'b2']);
    assert.deepEqual(store.listBuilds(ARN, '2.0', { limit: 5 }).items, []);
  });

  it('filters MicroVMs by account, image and version', () => {
    store.insertMicrovm(microvm(1));
    store.insertMicrovm(microvm(2, { imageVersion: '2.0' }));
    store.insertMicrovm(microvm(3, { imageArn: 'arn:other' }));
    store.insertMicrovm(microvm(4, { accountId: '111111111111' }));
    const ids = (filter: Partial<{ imageArn: string; imageVersion: string }>, accountId = '000000000000'): string[] =>
      walk(1, (page) => store.listMicrovms({ accountId, ...filter }, page)).map((vm) => vm.id);
    assert.deepEqual(ids({}), ['microvm-1', 'microvm-2', 'microvm-3']);
    assert.deepEqual(ids({ imageArn: ARN }), ['microvm-1', 'microvm-2']);
    assert.deepEqual(ids({ imageArn: ARN, imageVersion: '2.0' }), ['microvm-2']);
    assert.deepEqual(ids({}, '111111111111'), ['microvm-4']);
  });

  it('finds by state over all accounts', () => {
    store.insertMicrovm(microvm(1));
    store.insertMicrovm(microvm(2, { state: 'SUSPENDED', accountId: '111111111111' }));
    store.insertMicrovm(microvm(3, { state: 'TERMINATED' }));
    assert.deepEqual(store.microvmsInStates(['PENDING', 'SUSPENDED']).map((vm) => vm.id), ['microvm-1', 'microvm-2']);
    assert.deepEqual(store.microvmsInStates([]), []);
    store.insertImage(image());
    assert.deepEqual(store.imagesInStates(['CREATING']).map((item) => item.name), ['web']);
    assert.deepEqual(store.imagesInStates(['DELETING']), []);
  });

  it('remembers the first use of a client token, per account and operation', () => {
    const key = { accountId: '000000000000', operation: 'RunMicrovm', clientToken: 't' };
    assert.equal(store.findIdempotent(key), undefined);
    store.rememberIdempotent(key, 'hash', { microvmId: 'm' });
    assert.deepEqual(store.findIdempotent(key), { requestHash: 'hash', response: { microvmId: 'm' } });
    assert.throws(() => store.rememberIdempotent(key, 'other', {}));
    assert.equal(store.findIdempotent({ ...key, operation: 'CreateMicrovmImage' }), undefined);
    assert.equal(store.findIdempotent({ ...key, accountId: '1' }), undefined);
  });

  it('undoes a transaction that throws', () => {
    assert.throws(() => store.transaction(() => {
      store.insertImage(image());
      throw new Error('half-way');
    }), /half-way/);
    assert.equal(store.getImage(ARN), undefined);
    assert.equal(store.transaction(() => { store.insertImage(image()); return 7; }), 7);
    assert.equal(store.getImage(ARN)?.name, 'web');
  });

  it('refuses a database of a newer program and leaves it as it is', () => {
    const newer = join(dir, 'newer.db');
    const db = new Sqlite(newer);
    db.pragma('user_version = 99');
    db.close();
    assert.throws(() => openStore(newer), (error) => error instanceof OperatorError && /schema version 99/.test(error.message));
    const again = new Sqlite(newer);
    assert.equal(again.pragma('user_version', { simple: true }), 99);
    again.close();
  });

  it('tells the operator when the file cannot be used', () => {
    assert.throws(() => openStore(join(dir, 'no', 'such', 'folder.db')), OperatorError);
  });
});
