/** For any input: what the shapes refuse is the caller's error, pages meet, tokens cannot be bent, names survive their ARN. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { extensions, operations } from '../../../src/api/operations/index.js';
import { createPager, pageOf } from '../../../src/api/paging.js';
import { normalVersion, requireImageArn } from '../../../src/api/shapes/image-arn.js';
import { connectorArn, parseConnectorArn } from '../../../src/connectors/arn.js';
import { RequestError, ValidationError } from '../../../src/errors/index.js';
import { imageArn, isImageArn } from '../../../src/images/arn.js';

const odd = fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.double(), fc.string({ unit: 'binary' }), fc.constantFrom('arn:', '1.0', 'ENABLED', 's3://b/k'));
const names = fc.constantFrom(
  'name', 'baseImageArn', 'buildRoleArn', 'codeArtifact', 'uri', 'logging', 'disabled', 'cloudWatch', 'logGroup', 'hooks', 'port', 'microvmHooks', 'run', 'runTimeoutInSeconds', 'environmentVariables', 'tags', 'resources',
  'minimumMemoryInMiB', 'cpuConfigurations', 'architecture', 'additionalOsCapabilities', 'imageIdentifier', 'idlePolicy', 'autoResumeEnabled', 'allowedPorts', 'range', 'startPort', 'allPorts', 'status', 'Tags', 'tagKeys', 'Configuration',
  'VpcEgressConfiguration', 'SubnetIds', 'microvmIdentifier', 'expirationInMinutes', 'imageVersion', 'maxResults', 'nextToken', '__proto__', 'constructor',
);
const { body } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, odd, fc.array(tie('value'), { maxLength: 3 }), tie('body')),
  body: fc.dictionary(names, tie('value'), { maxKeys: 5 }),
}));

for (const operation of [...operations, ...extensions]) {
  test(`${operation.name}: any JSON is taken, or refused as the caller's error with a text`, () => {
    fc.assert(
      fc.property(body, (raw) => {
        try {
          operation.prepare(raw);
        } catch (error) {
          assert.ok(error instanceof RequestError, String(error));
          assert.ok(error.message.length > 0);
        }
      }),
      { numRuns: 200 },
    );
  });
}

test('a list read page by page is the list, for any length and page size', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string()), fc.integer({ min: 1, max: 7 }), (items, limit) => {
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = pageOf(items, (item) => item, after === undefined ? { limit } : { limit, after });
        assert.ok(page.items.length <= limit);
        assert.ok(page.next === undefined || page.items.length === limit, 'only the last page is short');
        seen.push(...page.items);
        after = page.next;
      } while (after !== undefined);
      assert.deepEqual(seen, items);
    }),
  );
});

test('a token holds any key, and is refused with any of its characters changed', () => {
  const pager = createPager(Buffer.alloc(32, 3));
  const scope = { operation: 'ListMicrovms', accountId: '123456789012' };
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), fc.constantFrom('A', 'B', 'z', '0', '9', '-', '_'), (next, at, character) => {
      const token = pager.token(scope, { next });
      assert.ok(token !== undefined);
      assert.deepEqual(pager.request(scope, { maxResults: 9, nextToken: token }), { limit: 9, after: next });
      const index = at % token.length;
      const changed = token.slice(0, index) + character + token.slice(index + 1);
      // Base64 has bits to spare in its last character: two texts can be the same bytes.
      if (Buffer.from(changed, 'base64url').equals(Buffer.from(token, 'base64url'))) return;
      assert.throws(() => pager.request(scope, { maxResults: 9, nextToken: changed }), ValidationError);
    }),
  );
});

test('no text but a token of ours is taken as one', () => {
  const pager = createPager(Buffer.alloc(32, 3));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (nextToken) => {
      assert.throws(() => pager.request({ operation: 'ListMicrovms', accountId: '1' }, { maxResults: 1, nextToken }), ValidationError);
    }),
  );
});

const region = fc.stringMatching(/^[a-z]{2}-[a-z]{4,9}-\d$/);
const account = fc.stringMatching(/^\d{12}$/);
const name = fc.stringMatching(/^[a-zA-Z0-9-_]{1,64}$/);

test('image ARNs: made of any name they are taken; any other text is taken or refused, never a fault', () => {
  fc.assert(
    fc.property(region, account, name, (...parts) => {
      const arn = imageArn(...parts);
      assert.ok(isImageArn(arn));
      assert.equal(requireImageArn(arn), arn);
      assert.ok(!isImageArn(`${arn}/x`) && !isImageArn(`x${arn}`) && !isImageArn(`${arn}\n`));
      assert.throws(() => requireImageArn(arn.slice(arn.indexOf(':') + 1)), ValidationError);
    }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.array(fc.constantFrom('arn', 'aws', 'lambda', 'microvm-image', '', 'x', 'é', '\n')).map((parts) => parts.join(':'))), (text) => {
      try {
        assert.equal(requireImageArn(text), text);
      } catch (error) {
        assert.ok(error instanceof ValidationError);
        assert.equal(error.message, `Invalid ARN format: ${text}`);
      }
    }),
  );
});

test('connector ARNs give back their id and version, and nothing else is one', () => {
  fc.assert(
    fc.property(region, account, name, fc.option(fc.integer({ min: 1, max: 999_999 }), { nil: undefined }), (where, who, id, version) => {
      const arn = connectorArn(where, who, id);
      assert.deepEqual(parseConnectorArn(version === undefined ? arn : `${arn}:${version}`), { arn, id, version });
      for (const wrong of [`${arn}:0`, `${arn}:`, `${arn}:1:2`, `${arn}/x`, arn.replace('network-connector', 'microvm-image'), arn.replace(who, 'aws')]) assert.equal(parseConnectorArn(wrong), undefined);
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => assert.equal(parseConnectorArn(text), undefined)));
});

test('a version is normal once it is normal', () => {
  fc.assert(fc.property(fc.oneof(fc.nat().map(String), fc.string()), (version) => assert.equal(normalVersion(normalVersion(version)), normalVersion(version))));
});
