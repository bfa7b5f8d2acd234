/** The event stream through the API, signed as the SDKs sign. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { MicrovmRecord } from '../../src/store/contracts.js';
import { accountId, imageArn, otherKey, startHarness, type Harness } from './harness.js';
import { eventsIn, openEvents } from './support/event-stream.js';
import { signedCall } from './support/signed.js';

const nobody = { accessKeyId: 'TDGKNOEVENTSEVENTS01', secretAccessKey: 'no-events-secret-no-events-secret', policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'lambda:GetMicrovm', Resource: '*' }] }] };
const reader = { accessKeyId: 'TDGKREADEVENTSEVENT1', secretAccessKey: 'reads-events-secret-reads-events', policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'lambda:StreamEvents', Resource: '*' }] }] };

let api: Harness;
before(async () => {
  api = await startHarness({ keys: [nobody, reader] });
});
after(() => api.close());

let made = 0;
function launch(account = accountId): string {
  const id = `microvm-${++made}`;
  const vm: MicrovmRecord = {
    id, accountId: account, endpointLabel: `label-${made}`, state: 'PENDING', imageArn: imageArn('web', account), imageVersion: '1.0', maximumDurationInSeconds: 100,
    ingressNetworkConnectors: [], egressNetworkConnectors: [], startedAt: 1, startedSteady: 1, resumeOnStart: false,
  };
  api.store.insertMicrovm(vm);
  return id;
}

test('gives what is kept, then what comes, and again from where a client stopped', async () => {
  const first = launch();
  api.store.updateMicrovm(first, { state: 'RUNNING' });
  const stream = await openEvents(api.port, { query: { after: '0' } });
  assert.equal(stream.response.statusCode, 200);
  assert.equal(stream.response.headers['content-type'], 'text/event-stream; charset=utf-8');
  await stream.has('id: 2\n');
  api.store.updateMicrovm(first, { state: 'TERMINATING', stateReason: 'Success.' });
  await stream.has('id: 3\n');
  const events = eventsIn(stream.text());
  assert.deepEqual(events.map(({ id, event }) => [id, event]), [['1', 'MicroVM State Change'], ['2', 'MicroVM State Change'], ['3', 'MicroVM State Change']]);
  const { id: eventId, time, ...rest } = events[2]?.data ?? {};
  assert.match(String(eventId), /^[0-9a-f-]{36}$/);
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual(rest, {
    version: '0', 'detail-type': 'MicroVM State Change', source: 'tardigrade.microvms', account: accountId, region: 'us-east-1',
    resources: [`arn:aws:lambda:us-east-1:${accountId}:microvm:${first}`, imageArn('web')],
    detail: { microvmId: first, imageArn: imageArn('web'), imageVersion: '1.0', state: 'TERMINATING', previousState: 'RUNNING', stateReason: 'Success.' },
  });
  stream.close();

  // A browser repeats its URL, and says in the header what it has seen.
  const again = await openEvents(api.port, { query: { after: '0' }, headers: { 'last-event-id': '2' } });
  await again.has('id: 3\n');
  assert.deepEqual(eventsIn(again.text()).map(({ id }) => id), ['3']);
  again.close();
});

test('follow=false ends when all is told; without a number a follower begins now', async () => {
  const kept = await signedEvents({ follow: 'false' });
  assert.ok(kept.length >= 3);
  assert.deepEqual((await signedEvents({ follow: 'false', after: String(kept.length) })), []);
  // Of another data folder: everything is news.
  assert.equal((await signedEvents({ follow: 'false', after: '999999' })).length, kept.length);
  const stream = await openEvents(api.port);
  const id = launch();
  await stream.has(id);
  assert.deepEqual(eventsIn(stream.text()).map(({ data }) => (data['detail'] as { microvmId: string }).microvmId), [id]);
  stream.close();
});

test('an account’s own events only, for those who may read them', async () => {
  const theirs = launch(otherKey.accountId);
  const ours = launch();
  assert.ok(!JSON.stringify(await signedEvents({ follow: 'false' })).includes(`"${theirs}"`));
  const seen = await signedEvents({ follow: 'false' }, otherKey);
  assert.deepEqual(seen.map(({ id }) => id), ['1']);
  assert.ok(JSON.stringify(seen).includes(theirs) && !JSON.stringify(seen).includes(ours));
  assert.ok((await signedEvents({ follow: 'false' }, reader)).length > 0);
  const refused = await signedCall(api.port, { method: 'GET', path: '/tardigrade/v1/events', credentials: nobody });
  assert.deepEqual([refused.status, refused.type], [403, 'AccessDeniedException']);
  assert.match(refused.text, /lambda:StreamEvents on resource: \*/);
  const bad = await signedCall(api.port, { method: 'GET', path: '/tardigrade/v1/events', query: { after: 'x' } });
  assert.deepEqual([bad.status, bad.type], [400, 'ValidationException']);
});

test('an account has 32 streams at once, and a stop of the server ends them', async () => {
  const own = await startHarness();
  const streams = await Promise.all(Array.from({ length: 32 }, () => openEvents(own.port)));
  const refused = await signedCall(own.port, { method: 'GET', path: '/tardigrade/v1/events' });
  assert.deepEqual([refused.status, refused.type], [429, 'ThrottlingException']);
  const other = await openEvents(own.port, { credentials: otherKey });
  streams[0]?.close();
  let again = await openEvents(own.port);
  while (again.response.statusCode === 429) again = await openEvents(own.port);
  const began = performance.now();
  await own.close();
  assert.deepEqual(await Promise.all([...streams.slice(1), other, again].map(({ ended }) => ended)), Array.from({ length: 33 }, () => 'end'));
  assert.ok(performance.now() - began < 60_000);
});

async function signedEvents(query: Readonly<Record<string, string>>, credentials?: { accessKeyId: string; secretAccessKey: string }): Promise<ReturnType<typeof eventsIn>> {
  const stream = await openEvents(api.port, { query, ...(credentials === undefined ? {} : { credentials }) });
  assert.equal(await stream.ended, 'end');
  return eventsIn(stream.text());
}
