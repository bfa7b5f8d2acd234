/** Sessions of the console: who gets one, what it is good for, when it ends. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AccessKey } from '../../src/keys/key-ring.js';
import { type Harness, key, otherKey, region } from './harness.js';
import { Browser, login, send, startWithConsole } from './support/console.js';

const HOUR_MS = 3600_000;

describe('console sessions', () => {
  let harness: Harness;
  const extra = new Map<string, AccessKey>();
  before(async () => {
    harness = await startWithConsole({ findKey: (id) => extra.get(id) });
  });
  after(() => harness.close());

  it('a key and its secret give a cookie that scripts cannot read and other sites cannot send', async () => {
    const { status, headers, body } = await login(harness, key);
    assert.equal(status, 204);
    assert.equal(body.length, 0);
    const [cookie = ''] = headers['set-cookie'] ?? [];
    assert.match(cookie, /^tardigrade-console=[\w.-]+; Path=\/console; Max-Age=28[78]\d\d; HttpOnly; SameSite=Strict$/);
    assert.doesNotMatch(cookie, new RegExp(key.accessKeyId), 'encrypted');
  });

  it('behind a proxy that speaks https the cookie is Secure', async () => {
    const { headers } = await login(harness, key, { 'x-forwarded-proto': 'https' });
    assert.match(headers['set-cookie']?.[0] ?? '', /; Secure$/);
  });

  it('says whose session it is, and that there is none', async () => {
    const browser = await Browser.signIn(harness, otherKey);
    const { json } = await browser.send('/console/session');
    assert.deepEqual({ ...json, expiresAt: 0 }, { accountId: otherKey.accountId, accessKeyId: otherKey.accessKeyId, region, csrfToken: browser.csrf, expiresAt: 0 });
    assert.equal((await send(harness, '/console/session')).status, 204);
  });

  it('a wrong secret, an unknown key and a secret of another key are one answer', async () => {
    const wrong = [{ ...key, secretAccessKey: `${key.secretAccessKey}x` }, { ...key, accessKeyId: 'TDGKNOBODYNOBODYNOBO' }, { ...key, secretAccessKey: otherKey.secretAccessKey }, { ...key, sessionToken: 'of no key' }];
    const answers = [];
    for (const credentials of wrong) answers.push(await login(harness, credentials));
    for (const { status, headers, body } of answers) {
      assert.equal(status, 401);
      assert.equal(headers['set-cookie'], undefined);
      assert.equal(body.toString(), answers[0]?.body.toString());
    }
    // The address may try again: it signs in below.
    assert.equal((await login(harness, key)).status, 204);
  });

  it('what is no login is refused by its rule', async () => {
    for (const [body, status] of [['', 400], ['{', 400], ['[]', 400], ['{"accessKeyId":""}', 400], ['x'.repeat(9000), 413]] as const) {
      const answer = await send(harness, '/console/session', { method: 'POST', headers: { origin: harness.url }, body });
      assert.equal(answer.status, status, body.slice(0, 30));
    }
    assert.equal((await send(harness, '/console/session', { method: 'PUT' })).status, 405);
  });

  it('secrets and cookies are in no log', async () => {
    const browser = await Browser.signIn(harness, key);
    await browser.send('/console/api/2025-09-09/microvms');
    const log = harness.log();
    assert.match(log, /signed in/);
    for (const secret of [key.secretAccessKey, otherKey.secretAccessKey, browser.cookie.slice('tardigrade-console='.length), browser.csrf]) assert.ok(!log.includes(secret));
  });

  it('signing out ends it, also for a copied cookie', async () => {
    const browser = await Browser.signIn(harness, key);
    assert.equal((await browser.send('/console/api/2025-09-09/microvms')).status, 200);
    const out = await browser.send('/console/session', { method: 'DELETE' });
    assert.equal(out.status, 204);
    assert.match(out.headers['set-cookie']?.[0] ?? '', /^tardigrade-console=; Path=\/console; Max-Age=0;/);
    assert.equal((await browser.send('/console/api/2025-09-09/microvms')).status, 401);
  });

  it('ends after eight hours', async () => {
    const browser = await Browser.signIn(harness, key);
    try {
      harness.clockOffsetMs = 8 * HOUR_MS - 60_000;
      assert.equal((await browser.send('/console/api/2025-09-09/microvms')).status, 200);
      harness.clockOffsetMs = 8 * HOUR_MS + 1_000;
      const { status, headers } = await browser.send('/console/api/2025-09-09/microvms');
      assert.equal(status, 401);
      assert.equal(headers['x-amzn-errortype'], 'SessionEnded');
    } finally {
      harness.clockOffsetMs = 0;
    }
  });

  it('ends with its key: removed, replaced or expired', async () => {
    const made = (more: Partial<AccessKey> = {}): AccessKey => ({ accessKeyId: 'TDGKEXTRAEXTRAEXTRAE', secretAccessKey: 'extra-secret-extra-secret-extra', accountId: '123456789012', ...more });
    const id = made().accessKeyId;
    const opened = async (): Promise<Browser> => {
      extra.set(id, made());
      const browser = await Browser.signIn(harness, made());
      assert.equal((await browser.send('/console/api/2025-09-09/microvms')).status, 200);
      return browser;
    };
    const ends = async (browser: Browser): Promise<void> => assert.equal((await browser.send('/console/api/2025-09-09/microvms')).status, 401);
    const removed = await opened();
    extra.delete(id);
    await ends(removed);
    const replaced = await opened();
    extra.set(id, made({ secretAccessKey: 'another-secret-another-secret-1' }));
    await ends(replaced);
    const expired = await opened();
    extra.set(id, made({ expiresAt: Date.now() - 1 }));
    await ends(expired);
    assert.equal((await login(harness, made())).status, 401, 'nor does it sign in');
    extra.delete(id);
  });

  it('a temporary key needs its session token, and its session ends with it', async () => {
    const temporary: AccessKey = { accessKeyId: 'TDGSTEMPTEMPTEMPTEMP', secretAccessKey: 'temporary-secret-temporary', accountId: '123456789012', sessionToken: 'the token', expiresAt: Date.now() + HOUR_MS };
    extra.set(temporary.accessKeyId, temporary);
    const { accessKeyId, secretAccessKey } = temporary;
    assert.equal((await login(harness, { accessKeyId, secretAccessKey })).status, 401);
    const answer = await login(harness, { accessKeyId, secretAccessKey, sessionToken: 'the token' });
    assert.equal(answer.status, 204);
    const seconds = Number(/Max-Age=(\d+)/.exec(answer.headers['set-cookie']?.[0] ?? '')?.[1]);
    assert.ok(seconds <= 3600 && seconds > 3500, String(seconds));
    extra.delete(accessKeyId);
  });

  it('a cookie of another daemon, an altered one and garbage are no session', async () => {
    const other = await startWithConsole();
    try {
      const foreign = (await Browser.signIn(other, key)).cookie;
      const own = (await Browser.signIn(harness, key)).cookie;
      const altered = `${own.slice(0, -6)}${own.endsWith('AAAAAA') ? 'BBBBBB' : 'AAAAAA'}`;
      for (const cookie of [foreign, altered, 'tardigrade-console=', 'tardigrade-console=a.b.c.d.e', `tardigrade-console=${'x'.repeat(5000)}`, 'tardigrade-console=%00', 'other=1']) {
        assert.equal((await send(harness, '/console/api/2025-09-09/microvms', { headers: { cookie } })).status, 401, cookie.slice(0, 40));
      }
      assert.equal((await send(harness, '/console/api/2025-09-09/microvms', { headers: { cookie: `tardigrade-console=x; ${own}` } })).status, 200, 'ours, though another host of the domain set one too');
    } finally {
      await other.close();
    }
  });
});

describe('console logins', () => {
  it('are slowed down by address, and a right one is free again', async () => {
    const harness = await startWithConsole();
    try {
      for (let i = 0; i < 9; i += 1) assert.equal((await login(harness, { ...key, secretAccessKey: 'wrong' })).status, 401);
      assert.equal((await login(harness, key)).status, 204, 'the tenth is right');
      for (let i = 0; i < 10; i += 1) assert.equal((await login(harness, { ...key, secretAccessKey: 'wrong' })).status, 401);
      const { status, headers } = await login(harness, key);
      assert.equal(status, 429, 'even the right one waits then');
      assert.ok(Number(headers['retry-after']) >= 1);
    } finally {
      await harness.close();
    }
  });
});
