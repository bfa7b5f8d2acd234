/** What the console serves: files, and requests of a session as if its key had signed them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { ThrottledError } from '../../src/errors/index.js';
import { imageArn, key, otherKey, roleArn, baseImageArn, type Harness } from './harness.js';
import { Browser, login, send, startWithConsole, type Sent } from './support/console.js';

const reader = {
  accessKeyId: 'TDGKREADREADREADREAD', secretAccessKey: 'reader-secret-reader-secret-reader-secret',
  policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['lambda:List*', 'logs:GetLogEvents'], Resource: '*' }] }],
};
const UPGRADE = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };

describe('console files', () => {
  let harness: Harness;
  before(async () => {
    harness = await startWithConsole();
  });
  after(() => harness.close());

  it('the page is under a strict policy, on every answer', async () => {
    for (const path of ['/console/', '/console/assets/a-hash.js', '/console/session', '/console/api/2025-09-09/microvms', '/console/nothing/here', '/console/s3/bucket/page.html', '/console/logs']) {
      const { headers } = await send(harness, path);
      const policy = String(headers['content-security-policy']);
      for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]) assert.ok(policy.includes(rule), `${path}: ${rule}`);
      assert.doesNotMatch(policy, /unsafe|\*|data:|http/);
      assert.equal(headers['x-content-type-options'], 'nosniff', path);
      assert.equal(headers['referrer-policy'], 'no-referrer', path);
      assert.equal(headers['cross-origin-opener-policy'], 'same-origin', path);
    }
  });

  it('files with a hash in their name are kept for good, the page is asked for anew, API answers are not kept', async () => {
    assert.equal((await send(harness, '/console/assets/a-hash.js')).headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal((await send(harness, '/console/')).headers['cache-control'], 'no-cache');
    const browser = await Browser.signIn(harness, key);
    assert.equal((await browser.send('/console/api/2025-09-09/microvms')).headers['cache-control'], 'no-store');
    assert.equal((await browser.send('/console/session')).headers['cache-control'], 'no-store');
  });

  it('sends the best coding the client takes', async () => {
    const coded = async (accepted: string): Promise<unknown> => {
      const { headers, body } = await send(harness, '/console/assets/a-hash.js', { headers: { 'accept-encoding': accepted } });
      assert.equal(headers['content-length'], String(body.length));
      assert.equal(headers.vary, 'accept-encoding');
      return [headers['content-encoding'], body.toString()];
    };
    assert.deepEqual(await coded('gzip, deflate, br'), ['br', 'br']);
    assert.deepEqual(await coded('gzip;q=1.0, br;q=0'), ['gzip', 'gz']);
    assert.deepEqual(await coded(''), [undefined, 'script']);
    assert.deepEqual(await coded('zstd'), [undefined, 'script']);
  });

  it('every page of the application is the one page; below assets only files are', async () => {
    for (const path of ['/console/images', '/console/microvms/microvm-1/terminal', '/console/apiary']) {
      const { status, headers } = await send(harness, path);
      assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8'], path);
    }
    assert.equal((await send(harness, '/console/assets/gone.js')).status, 404);
    assert.equal((await send(harness, '/console/', { method: 'POST' })).status, 405);
    assert.equal((await send(harness, '/console/', { method: 'HEAD' })).body.length, 0);
  });

  it('no path leads out of the files', async () => {
    for (const path of ['/console/../package.json', '/console/..%2f..%2fpackage.json', '/console/assets/../../package.json', '/console/assets/..%2f..%2fetc%2fpasswd', '/console//etc/passwd', '/console/assets/%2e%2e/%2e%2e/package.json', '/console/assets/a-hash.js.gz', '/console/__proto__', '/console/assets/constructor']) {
      const { status, body } = await send(harness, path);
      const isPage = body.toString().startsWith('<!doctype html>');
      assert.ok(status >= 400 || isPage, `${path}: ${status} ${body.toString()}`);
    }
  });

  it('a browser that opens the root is led there, others are answered as before', async () => {
    const browser = await send(harness, '/', { headers: { accept: 'text/html,application/xhtml+xml' } });
    assert.deepEqual([browser.status, browser.headers.location], [302, '/console/']);
    assert.equal((await send(harness, '/console')).headers.location, '/console/');
    for (const sent of [{}, { headers: { accept: 'application/json' } }, { method: 'POST', headers: { accept: 'text/html' } }] satisfies Sent[]) {
      const { status, headers } = await send(harness, '/', sent);
      assert.deepEqual([status, headers['content-security-policy']], [403, undefined]);
    }
  });
});

describe('console requests', () => {
  let harness: Harness;
  const throttled: string[] = [];
  before(async () => {
    harness = await startWithConsole({
      keys: [reader],
      throttle: {
        take: (accountId, operation) => {
          throttled.push(`${accountId} ${operation}`);
          if (operation === 'ListManagedMicrovmImages') throw new ThrottledError('Rate exceeded', 3);
        },
      },
    });
  });
  after(() => harness.close());

  it('run the operations for the account of the key', async () => {
    const browser = await Browser.signIn(harness, key);
    const body = JSON.stringify({ name: 'mine', baseImageArn, buildRoleArn: roleArn, codeArtifact: { uri: 's3://b/k' } });
    const made = await browser.send('/console/api/2025-09-09/microvm-images', { method: 'POST', body });
    assert.equal(made.status, 201, made.body.toString());
    assert.equal(made.json['imageArn'], imageArn('mine'));
    assert.equal((await browser.send(`/console/api/2025-09-09/microvm-images/${encodeURIComponent(imageArn('mine'))}`)).json['name'], 'mine');
    const { json } = await (await Browser.signIn(harness, otherKey)).send('/console/api/2025-09-09/microvm-images?maxResults=5');
    assert.deepEqual(json['items'], []);
  });

  it('have the errors of the API, in the dialect of their family', async () => {
    const browser = await Browser.signIn(harness, key);
    const unknown = await browser.send('/console/api/2025-09-09/microvms/microvm-none');
    assert.deepEqual([unknown.status, unknown.headers['x-amzn-errortype']], [404, 'ResourceNotFoundException']);
    const tags = await browser.send('/console/api/2017-03-31/tags/x');
    assert.deepEqual([tags.status, tags.json['Type']], [400, 'User']);
    assert.equal((await browser.send('/console/api/nothing')).headers['x-amzn-errortype'], 'UnknownOperationException');
    assert.equal((await browser.send('/console/api/2025-09-09/microvms', { method: 'POST', body: '{' })).headers['x-amzn-errortype'], 'SerializationException');
  });

  it('are counted by the account\'s rates', async () => {
    const browser = await Browser.signIn(harness, otherKey);
    throttled.length = 0;
    const { status, headers } = await browser.send('/console/api/2025-09-09/managed-microvm-images');
    assert.deepEqual([status, headers['retry-after']], [429, '3']);
    assert.deepEqual(throttled, [`${otherKey.accountId} ListManagedMicrovmImages`]);
  });

  it('are asked of the key\'s policies', async () => {
    const browser = await Browser.signIn(harness, reader);
    assert.equal((await browser.send('/console/api/2025-09-09/microvms')).status, 200);
    const run = await browser.send('/console/api/2025-09-09/microvms', { method: 'POST', body: JSON.stringify({ imageIdentifier: imageArn('mine') }) });
    assert.deepEqual([run.status, run.headers['x-amzn-errortype']], [403, 'AccessDeniedException']);
    assert.match(String(run.json['message']), /not authorized to perform: lambda:RunMicrovm/);
    const bucket = await browser.send('/console/s3/some-bucket', { method: 'PUT', body: '' });
    assert.deepEqual([bucket.status, /AccessDenied/.test(bucket.body.toString())], [403, true]);
    const groups = await browser.send('/console/logs', { method: 'POST', headers: { 'x-amz-target': 'Logs_20140328.DescribeLogGroups' }, body: '{}' });
    assert.match(groups.body.toString(), /AccessDeniedException/);
  });

  it('upload and list buckets, but read no object: nobody\'s file is served from this origin', async () => {
    const browser = await Browser.signIn(harness, key);
    assert.equal((await browser.send('/console/s3/console-bucket', { method: 'PUT', body: '' })).status, 200);
    assert.equal((await browser.send('/console/s3/console-bucket/a%20b/page.html', { method: 'PUT', body: '<script>', headers: { 'content-type': 'text/html' } })).status, 200);
    assert.match((await browser.send('/console/s3/')).body.toString(), /<Name>console-bucket<\/Name>/);
    for (const path of ['/console/s3/console-bucket/a%20b/page.html', '/console/s3/console-bucket', '/console/s3/?x', '/console/s3//console-bucket/a']) assert.equal((await browser.send(path)).status, 403, path);
    assert.equal((await browser.send('/console/s3/console-bucket', { method: 'DELETE' })).status, 405);
  });

  it('read logs', async () => {
    const browser = await Browser.signIn(harness, key);
    const call = (operation: string, body: object) => browser.send('/console/logs', { method: 'POST', headers: { 'x-amz-target': `Logs_20140328.${operation}` }, body: JSON.stringify(body) });
    await call('CreateLogGroup', { logGroupName: 'g' });
    await call('CreateLogStream', { logGroupName: 'g', logStreamName: 's' });
    await call('PutLogEvents', { logGroupName: 'g', logStreamName: 's', logEvents: [{ timestamp: Date.now(), message: 'hello' }] });
    assert.match((await call('GetLogEvents', { logGroupName: 'g', logStreamName: 's' })).body.toString(), /hello/);
    assert.equal((await browser.send('/console/logs')).status, 405);
  });

  it('of other sites are refused: by origin, by fetch metadata, without the CSRF token, without the cookie', async () => {
    const browser = await Browser.signIn(harness, key);
    const sent = (headers: Record<string, string>, path = '/console/api/2025-09-09/microvms/microvm-none/suspend') => browser.send(path, { method: 'POST', headers });
    assert.equal((await sent({})).status, 404, 'as our own page sends it, it arrives');
    const refused: [string, Record<string, string>, number][] = [
      ['another site', { origin: 'https://evil.example' }, 403], ['another port', { origin: 'http://127.0.0.1:1' }, 403], ['a sandboxed frame', { origin: 'null' }, 403],
      ['no URL', { origin: 'x' }, 403], ['said to be cross-site', { 'sec-fetch-site': 'cross-site' }, 403], ['a neighbour', { 'sec-fetch-site': 'same-site' }, 403],
      ['another host', { host: 'evil.example' }, 403], ['a wrong token', { 'x-tardigrade-csrf': 'x' }, 403], ['no token', { 'x-tardigrade-csrf': '' }, 403], ['no cookie', { cookie: '' }, 401],
    ];
    for (const [what, headers, status] of refused) assert.equal((await sent(headers)).status, status, what);
    const bare = await send(harness, '/console/api/2025-09-09/microvms', { method: 'POST', headers: { cookie: browser.cookie, 'x-tardigrade-csrf': browser.csrf } });
    assert.equal(bare.status, 403, 'no origin');
    assert.equal((await browser.send('/console/api/2025-09-09/microvms', { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403, 'a read too');
    assert.equal((await login(harness, key, { origin: 'https://evil.example' })).status, 403, 'a login too');
    assert.equal((await browser.send('/console/session', { method: 'DELETE', headers: { origin: 'https://evil.example' } })).status, 403, 'a sign-out too');
    const another = await Browser.signIn(harness, key);
    assert.equal((await sent({ 'x-tardigrade-csrf': another.csrf })).status, 403, 'the token of another session');
  });

  it('a signature still counts on the console\'s paths as on all others', async () => {
    const { status, headers } = await send(harness, '/console/session', { headers: { authorization: 'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0', 'x-amz-date': '20260101T000000Z' } });
    assert.deepEqual([status, headers['content-security-policy']], [403, undefined], 'it is S3\'s: a bucket of that name');
  });
});

describe('console terminals and other upgrades', () => {
  let harness: Harness;
  const opened: string[] = [];
  before(async () => {
    harness = await startWithConsole({}, {
      openTerminal: (_request, socket, _head, id) => {
        opened.push(id);
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
      },
    });
  });
  after(() => harness.close());

  it('only our page with a session gets as far as the shell', async () => {
    const browser = await Browser.signIn(harness, key);
    const status = async (path: string, headers: Record<string, string>): Promise<number> => (await send(harness, path, { headers: { ...UPGRADE, ...headers } })).status;
    const path = '/console/shell/microvm-a991cd0b-3321-4e2c-a982-d5c4db52b17a';
    assert.equal(await status(path, { cookie: browser.cookie }), 403, 'no origin');
    assert.equal(await status(path, { cookie: browser.cookie, origin: 'https://evil.example' }), 403);
    assert.equal(await status(path, { origin: harness.url }), 401);
    assert.equal(await status('/console/shell/..%2f', { cookie: browser.cookie, origin: harness.url }), 404);
    assert.equal(await status('/console/api/2025-09-09/microvms', { cookie: browser.cookie, origin: harness.url }), 404);
    assert.deepEqual(opened, []);
  });

  it('ends with its session', async () => {
    const browser = await Browser.signIn(harness, key);
    const id = 'microvm-a991cd0b-3321-4e2c-a982-d5c4db52b17a';
    const socket = connect(harness.port, '127.0.0.1');
    const lines = Object.entries({ host: `127.0.0.1:${harness.port}`, cookie: browser.cookie, origin: harness.url, ...UPGRADE }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET /console/shell/${id} HTTP/1.1\r\n${lines.join('')}\r\n`);
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    assert.match(chunk.toString(), /^HTTP\/1\.1 101 /);
    assert.deepEqual(opened, [id]);
    await browser.send('/console/session', { method: 'DELETE' });
    await once(socket, 'close');
  });

  it('a client that offers HTTP/2 with its request is served as without the offer, body and all', async () => {
    const big = JSON.stringify({ imageIdentifier: imageArn('x'), runHookPayload: 'p'.repeat(300_000) });
    const offer = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA' };
    const browser = await Browser.signIn(harness, key);
    // Not on the console's paths: those are for WebSockets.
    assert.equal((await send(harness, '/health', { headers: offer })).body.toString(), '{"status":"ok"}');
    const { status, headers } = await send(harness, '/2025-09-09/microvms', { method: 'POST', headers: offer, body: big });
    assert.deepEqual([status, headers['x-amzn-errortype']], [403, 'MissingAuthenticationTokenException']);
    const client = harness.client();
    client.middlewareStack.add((next) => (args) => {
      Object.assign((args.request as { headers: object }).headers, offer);
      return next(args);
    }, { step: 'finalizeRequest', priority: 'low', name: 'offerHttp2' });
    const { ListMicrovmsCommand, RunMicrovmCommand } = await import('@aws-sdk/client-lambda-microvms');
    assert.deepEqual((await client.send(new ListMicrovmsCommand({}))).items, []);
    const run = await client.send(new RunMicrovmCommand({ imageIdentifier: imageArn('x'), runHookPayload: 'p'.repeat(4096) }));
    assert.equal(run.state, 'PENDING');
    assert.equal((await client.send(new ListMicrovmsCommand({}))).items?.length, 1, 'and the connection goes on');
    assert.equal((await browser.send('/console/api/2025-09-09/microvms')).status, 200);
  });
});
