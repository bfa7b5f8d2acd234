import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PolicyError, type ConditionContext } from '../../../src/iam/contracts.js';
import { readPolicies } from '../../../src/iam/policy.js';

const image = 'arn:aws:lambda:us-east-1:123456789012:microvm-image:web';

function policy(...Statement: unknown[]): unknown {
  return { Version: '2012-10-17', Statement };
}

function decide(documents: readonly unknown[], action = 'lambda:RunMicrovm', resource = image, context: ConditionContext = {}): string {
  return readPolicies(documents).decide({ action, resource, context });
}

/** Does a statement with that condition allow a request with those values? */
function allowed(Condition: unknown, context: ConditionContext): boolean {
  return decide([policy({ Effect: 'Allow', Action: '*', Resource: '*', Condition })], undefined, undefined, context) === 'allow';
}

test('nothing is allowed unless a statement allows it; an explicit deny wins, wherever it stands', () => {
  const allow = policy({ Effect: 'Allow', Action: 'lambda:*', Resource: image });
  const deny = { Version: '2012-10-17', Statement: { Effect: 'Deny', Action: 'lambda:Run*', Resource: '*' } };
  assert.equal(decide([]), 'implicit-deny');
  assert.equal(decide([allow]), 'allow');
  assert.equal(decide([allow], 'lambda:RunMicrovm', `${image}2`), 'implicit-deny');
  assert.equal(decide([allow], 's3:GetObject'), 'implicit-deny');
  assert.equal(decide([allow, deny]), 'explicit-deny');
  assert.equal(decide([deny, allow]), 'explicit-deny');
  assert.equal(decide([deny, allow], 'lambda:GetMicrovm'), 'allow');
});

test('actions regardless of case, resources not; NotAction, NotResource; lists', () => {
  assert.equal(decide([policy({ Effect: 'Allow', Action: ['s3:*', 'LAMBDA:runmicrovm'], Resource: [image] })]), 'allow');
  assert.equal(decide([policy({ Effect: 'Allow', Action: '*', Resource: image.replace('web', 'Web') })]), 'implicit-deny');
  const notRun = policy({ Effect: 'Allow', NotAction: 'lambda:Run*', NotResource: 'arn:aws:s3:::*' });
  assert.equal(decide([notRun]), 'implicit-deny');
  assert.equal(decide([notRun], 'lambda:GetMicrovm'), 'allow');
  assert.equal(decide([notRun], 'lambda:GetMicrovm', 'arn:aws:s3:::b'), 'implicit-deny');
});

test('string and ARN operators; a missing key fails them and passes their negation', () => {
  const tagged: ConditionContext = { 'aws:ResourceTag/Team': ['blue'] };
  assert.ok(allowed({ StringEquals: { 'aws:resourcetag/team': ['red', 'blue'] } }, tagged));
  assert.ok(!allowed({ StringEquals: { 'aws:ResourceTag/Team': 'Blue' } }, tagged));
  assert.ok(allowed({ StringEqualsIgnoreCase: { 'aws:ResourceTag/Team': 'Blue' } }, tagged));
  assert.ok(allowed({ StringLike: { 'aws:ResourceTag/Team': 'b?u*' } }, tagged));
  assert.ok(!allowed({ StringNotEquals: { 'aws:ResourceTag/Team': ['red', 'blue'] } }, tagged));
  assert.ok(!allowed({ StringEquals: { 'aws:ResourceTag/Team': 'blue' } }, {}));
  assert.ok(allowed({ StringNotEquals: { 'aws:ResourceTag/Team': 'blue' } }, {}));
  assert.ok(allowed({ StringEqualsIfExists: { 'aws:ResourceTag/Team': 'blue' } }, {}));
  assert.ok(allowed({ ArnLike: { 'iam:PassedToService': 'arn:aws:iam::*:role/x-*' } }, { 'iam:PassedToService': ['arn:aws:iam::1:role/x-1'] }));
  // Every operator and key must hold.
  assert.ok(!allowed({ StringEquals: { 'aws:ResourceTag/Team': 'blue', 'aws:RequestTag/A': '1' } }, tagged));
});

test('addresses and ranges of both families', () => {
  const from = (ip: string): ConditionContext => ({ 'aws:SourceIp': [ip] });
  assert.ok(allowed({ IpAddress: { 'aws:SourceIp': '10.1.0.0/16' } }, from('10.1.255.255')));
  assert.ok(!allowed({ IpAddress: { 'aws:SourceIp': '10.1.0.0/16' } }, from('10.2.0.0')));
  assert.ok(allowed({ NotIpAddress: { 'aws:SourceIp': ['10.1.0.0/16', '::1'] } }, from('10.2.0.0')));
  assert.ok(allowed({ IpAddress: { 'aws:SourceIp': ['192.0.2.7', '2001:db8::/32'] } }, from('2001:db8::5')));
  assert.ok(allowed({ IpAddress: { 'aws:SourceIp': '0.0.0.0/0' } }, from('8.8.8.8')));
});

test('Bool, Null, and the quantifiers over several values', () => {
  assert.ok(allowed({ Bool: { 'aws:SecureTransport': false } }, { 'aws:SecureTransport': ['false'] }));
  assert.ok(allowed({ Null: { 'aws:TagKeys': 'true' } }, {}));
  assert.ok(!allowed({ Null: { 'aws:TagKeys': 'true' } }, { 'aws:TagKeys': ['a'] }));
  const keys: ConditionContext = { 'aws:TagKeys': ['a', 'b'] };
  assert.ok(allowed({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b', 'c'] } }, keys));
  assert.ok(!allowed({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a'] } }, keys));
  assert.ok(allowed({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a'] } }, {}));
  assert.ok(allowed({ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['b'] } }, keys));
  assert.ok(!allowed({ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['b'] } }, {}));
});

test('what cannot be enforced is refused, with its name', () => {
  const base = { Effect: 'Allow', Action: '*', Resource: '*' };
  const bad: readonly (readonly [unknown, RegExp])[] = [
    [policy({ ...base, Condition: { NumericLessThan: { 'aws:SourceIp': '1' } } }), /'NumericLessThan' is not known/],
    [policy({ ...base, Condition: { StringEquals: { 'aws:username': 'x' } } }), /'aws:username' is not known/],
    [policy({ ...base, Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/33' } } }), /10\.0\.0\.0\/33/],
    [policy({ ...base, Condition: { Bool: { 'aws:SecureTransport': 'maybe' } } }), /maybe/],
    [policy({ ...base, Principal: '*' }), /Principal/],
    [policy({ ...base, Effect: 'allow' }), /Effect/],
    [policy({ ...base, NotAction: '*' }), /either Action or NotAction/],
    [policy({ Effect: 'Allow', Action: '*' }), /either Resource or NotResource/],
    [policy({ ...base, Action: 'RunMicrovm' }), /'RunMicrovm' is no action/],
    [policy({ ...base, Resource: 'web' }), /'web' is no resource/],
    [policy({ ...base, Resource: 'arn:aws:s3:::${aws:username}/*' }), /policy variable/],
    [{ Version: '2013-01-01', Statement: [] }, /Version/],
    ['text', /no policy document/],
  ];
  for (const [document, message] of bad) assert.throws(() => readPolicies([document]), (error) => error instanceof PolicyError && message.test(error.message), String(message));
});
