/** Webhooks over real HTTP: what is sent, when it is sent again, and where the next daemon goes on. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { loadConfig } from '../../../src/config/config.js';
import { OperatorError } from '../../../src/errors/index.js';
import { startWebhooks, type Webhooks } from '../../../src/events/webhook/webhooks.js';
import { FakeClock, until } from '../microvms/fakes.js';
import { microvm, OTHER, recorded, type Recorded, REGION } from './support.js';

const SECRET = 'a-secret-of-webhooks-that-is-long-enough';

class Receiver {
  readonly got: { headers: IncomingHttpHeaders; body: string; path: string }[] = [];
  /** What it answers next; 200 when there is none. 'hang': nothing. */
  readonly answers: (number | 'hang')[] = [];
  readonly server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      this.got.push({ headers: request.headers, body, path: request.url ?? '' });
      const answer = this.answers.shift() ?? 200;
      if (answer === 'hang') return;
      response.writeHead(answer, answer === 302 ? { location: '/elsewhere' } : {}).end('thanks');
    });
  });

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get ids(): unknown[] {
    return this.got.map(({ body }) => (JSON.parse(body) as { detail: { microvmId: string } }).detail.microvmId);
  }
}

describe('webhooks', () => {
  let world: Recorded;
  let clock: FakeClock;
  let dir: string;
  let secretFile: string;
  let receiver: Receiver;
  let url: string;
  let running: Webhooks | undefined;
  const counts = new Map<string, number>();
  const logged: string[] = [];

  const start = async (urls = [url]): Promise<void> => {
    const log = (fields: object, text: string): void => void logged.push(`${text} ${JSON.stringify(fields)}`);
    running = await startWebhooks({
      urls, secretFile, region: REGION, store: world.store, hub: world.hub, clock, random: () => 1,
      metrics: { webhook: (outcome, events) => void counts.set(outcome, (counts.get(outcome) ?? 0) + events) },
      logger: { info: log, warn: log, error: log } as never,
    });
  };
  const launch = (n: number, accountId?: string): void => world.store.insertMicrovm(microvm(n, accountId === undefined ? {} : { accountId }));
  const stop = async (): Promise<void> => {
    await running?.close();
    running = undefined;
  };

  beforeEach(async () => {
    world = await recorded();
    clock = new FakeClock();
    dir = await mkdtemp(join(tmpdir(), 'webhook-'));
    secretFile = join(dir, 'secret');
    await writeFile(secretFile, `${SECRET}\n`, { mode: 0o600 });
    receiver = new Receiver();
    url = await receiver.listen();
    counts.clear();
    logged.length = 0;
  });
  afterEach(async () => {
    await stop();
    assert.equal(clock.waiting, 0, 'a timer is left');
    await receiver.close();
    await world.close();
    await rm(dir, { recursive: true });
  });

  it('tells of the events of all accounts from the start on, signed as the documentation verifies it', async () => {
    launch(1);
    await start();
    launch(2);
    launch(3, OTHER);
    await until(() => receiver.got.length === 2, 'two deliveries');
    assert.deepEqual(receiver.ids, ['microvm-2', 'microvm-3']);
    const isGenuine = await documentedCheck(dir);
    for (const { headers, body } of receiver.got) {
      const { id } = JSON.parse(body) as { id: string };
      assert.equal(headers['tardigrade-event-id'], id);
      assert.equal(headers['content-type'], 'application/json');
      const now = clock.now() / 1000;
      assert.equal(isGenuine(SECRET, headers, body, now), true);
      assert.equal(isGenuine(SECRET, headers, `${body} `, now), false);
      assert.equal(isGenuine(`${SECRET}x`, headers, body, now), false);
      assert.equal(isGenuine(SECRET, headers, body, now + 301), false);
      assert.equal(isGenuine(SECRET, { ...headers, 'tardigrade-signature': 'v1=' }, body, now), false);
      assert.ok(!body.includes(SECRET) && !JSON.stringify(headers).includes(SECRET));
    }
    assert.deepEqual(receiver.got.map(({ headers }) => headers['tardigrade-event-number']), ['2', '1']);
  });

  it('signs with both secrets while they are changed', async () => {
    await start();
    await writeFile(secretFile, `${SECRET}\nanother-secret-that-is-long-enough-too\n`);
    launch(1);
    await until(() => receiver.got.length === 1, 'a delivery');
    const isGenuine = await documentedCheck(dir);
    const { headers, body } = receiver.got[0] as (typeof receiver.got)[number];
    for (const secret of [SECRET, 'another-secret-that-is-long-enough-too']) assert.equal(isGenuine(secret, headers, body, clock.now() / 1000), true);
  });

  it('tries again, later each time, and keeps the order', async () => {
    receiver.answers.push(500, 302, 404);
    await start();
    launch(1);
    launch(2);
    for (const pause of [1_000, 2_000, 4_000]) {
      await until(() => clock.waiting === 1, 'a pause');
      clock.advance(pause - 1);
      assert.equal(clock.waiting, 1, `it waits ${pause} ms`);
      clock.advance(1);
    }
    await until(() => receiver.got.length === 5, 'all deliveries');
    assert.deepEqual(receiver.ids, ['microvm-1', 'microvm-1', 'microvm-1', 'microvm-1', 'microvm-2']);
    assert.equal(new Set(receiver.got.slice(0, 4).map(({ headers }) => headers['tardigrade-event-id'])).size, 1);
    assert.ok(receiver.got.every(({ path }) => path === '/hook'), 'a redirect is not followed');
    await until(() => counts.get('delivered') === 2, 'the count');
    assert.equal(counts.get('failed'), 3);
    assert.equal(logged.filter((line) => line.includes('it is tried again')).length, 1, 'one line for all failures in a row');
  });

  it('gives an event up after 20 tries, pauses growing to 5 min, and goes on with the next', async () => {
    receiver.answers.push(...Array.from({ length: 20 }, () => 503));
    await start();
    launch(1);
    launch(2);
    const began = clock.steady();
    for (let tries = 1; tries < 20; tries++) {
      await until(() => clock.waiting === 1, `pause ${tries}`);
      while (clock.waiting === 1) clock.advance(500);
    }
    assert.equal(clock.steady() - began, 1000 * (1 + 2 + 4 + 8 + 16 + 32 + 64 + 128 + 256 + 10 * 300));
    await until(() => receiver.ids.at(-1) === 'microvm-2', 'the next event');
    assert.equal(receiver.ids.filter((id) => id === 'microvm-1').length, 20);
    await until(() => counts.get('delivered') === 1, 'the count');
    assert.equal(counts.get('given-up'), 1);
  });

  it('goes on where the daemon before stopped, and neither waits for an answer nor loses what it waits for', async () => {
    await start();
    launch(1);
    await until(() => receiver.got.length === 1, 'a delivery');
    receiver.answers.push('hang');
    launch(2);
    await until(() => receiver.got.length === 2, 'a delivery without an answer');
    await stop();
    launch(3);
    await start();
    await until(() => receiver.got.length === 4, 'what was left');
    assert.deepEqual(receiver.ids, ['microvm-1', 'microvm-2', 'microvm-2', 'microvm-3']);
  });

  it('keeps the count of tries over a restart', async () => {
    receiver.answers.push(...Array.from({ length: 20 }, () => 500));
    await start();
    launch(1);
    await until(() => clock.waiting === 1, 'a pause');
    clock.advance(1_000);
    await until(() => receiver.got.length === 2 && clock.waiting === 1, 'a second pause');
    await stop();
    assert.deepEqual(world.store.deliveries(), [{ target: url, position: 0, tries: 2 }]);
    await start();
    for (let tries = 3; tries < 20; tries++) {
      await until(() => clock.waiting === 1, `pause ${tries}`);
      while (clock.waiting === 1) clock.advance(1_000);
    }
    await until(() => counts.get('given-up') === 1, 'the end');
    assert.equal(receiver.got.length, 20);
  });

  it('is held up by no other receiver, and waits for one that is not there yet', async () => {
    const away = new Receiver();
    const awayUrl = await away.listen();
    const { port } = away.server.address() as AddressInfo;
    await away.close();
    await start([awayUrl, url]);
    launch(1);
    await until(() => receiver.got.length === 1 && clock.waiting === 1, 'the other receiver is told');
    const back = new Receiver();
    await back.listen(port);
    clock.advance(1_000);
    await until(() => back.got.length === 1, 'it is there');
    assert.ok(logged.some((line) => line.includes('ECONNREFUSED')));
    await stop();
    await back.close();
  });

  it('counts what was forgotten before it was told', async () => {
    await start();
    await stop();
    for (let n = 1; n <= 5; n++) launch(n);
    world.store.pruneEvents(0, 2);
    await start();
    await until(() => receiver.got.length === 2, 'what is left');
    assert.deepEqual([receiver.ids, counts.get('dropped')], [['microvm-4', 'microvm-5'], 3]);
  });

  it('forgets a URL that is no longer named', async () => {
    await start();
    await stop();
    launch(1);
    await start([]);
    await stop();
    await start();
    launch(2);
    await until(() => receiver.got.length === 1, 'a delivery');
    assert.deepEqual(receiver.ids, ['microvm-2']);
  });

  it('does not start with a secret that is none, and says no part of one', async () => {
    for (const [content, mode, rule] of [['short', 0o600, /has 5 characters, 32 are needed/], ['', 0o600, /has 0 secrets/], [SECRET, 0o644, /chmod 600/]] as const) {
      await rm(secretFile);
      await writeFile(secretFile, content, { mode });
      await assert.rejects(start(), (error) => error instanceof OperatorError && rule.test(error.message) && !error.message.includes(SECRET));
    }
    await rm(secretFile);
    await assert.rejects(start(), /does not exist; make one with/);
    assert.throws(() => loadConfig({ TARDIGRADE_WEBHOOK_URLS: url }), /TARDIGRADE_WEBHOOK_SECRET_FILE go together/);
    assert.throws(() => loadConfig({ TARDIGRADE_WEBHOOK_URLS: 'ftp://x', TARDIGRADE_WEBHOOK_SECRET_FILE: 'x' }), /must be a URL like/);
    assert.deepEqual(loadConfig({ TARDIGRADE_WEBHOOK_URLS: `${url}, ${url}`, TARDIGRADE_WEBHOOK_SECRET_FILE: 'x' }).webhooks, { urls: [url], secretFile: 'x' });
  });
});

type Check = (secret: string, headers: IncomingHttpHeaders, body: string, now: number) => boolean;

/** The function that docs/events.md gives to receivers. */
async function documentedCheck(dir: string): Promise<Check> {
  const page = await readFile(fileURLToPath(new URL('../../../docs/events.md', import.meta.url)), 'utf8');
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
  const file = join(dir, 'documented.mjs');
  await writeFile(file, code);
  return ((await import(pathToFileURL(file).href)) as { isGenuine: Check }).isGenuine;
}
