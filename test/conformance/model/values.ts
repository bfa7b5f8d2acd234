/**
 * Every constraint of the wire (spec §1.2-1.4, §2), by the member that carries it: values at its edges that are taken, and
 * values beyond them with the rules they break. A member of the model that is not here fails the suite.
 */
import { imageArn } from '../harness.js';

export interface Values {
  /** Each must be taken. */
  readonly good: readonly unknown[];
  /** A value and the constraints it breaks, in the order reported. */
  readonly bad?: readonly (readonly [value: unknown, ...rules: string[]])[];
}

const longest = (max: number) => `Member must have length less than or equal to ${max}`;
const shortest = (min: number) => `Member must have length greater than or equal to ${min}`;
const matches = (pattern: string) => `Member must satisfy regular expression pattern: ${pattern}`;
const oneOf = (...values: string[]) => `Member must satisfy enum value set: [${values.join(', ')}]`;

function range(min: number, max: number): Values {
  return {
    good: [min, max],
    bad: [[min - 1, `Member must have value greater than or equal to ${min}`], [max + 1, `Member must have value less than or equal to ${max}`]],
  };
}

function choice(...values: string[]): Values {
  return { good: values, bad: [['OTHER', oneOf(...values)], ['', oneOf(...values)]] };
}

const length = (min: number, max: number): Values => ({ good: ['x'.repeat(min), 'x'.repeat(max)], bad: [['', shortest(min)], ['x'.repeat(max + 1), longest(max)]] });
const nonBlankPattern = '[^\\s]+';
const nonBlank: Values = {
  good: ['x', 'x'.repeat(2048), '1.5'],
  bad: [['', shortest(1), matches(nonBlankPattern)], ['x'.repeat(2049), longest(2048)], ['a b', matches(nonBlankPattern)]],
};
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
const entries = (count: number): Record<string, string> => Object.fromEntries(Array.from({ length: count }, (_, i) => [`K${i}`, 'v']));
const padded = (start: string, size: number): string => start.padEnd(size, 'x');
const mapKeys = (...rules: string[]): string => `Map keys must satisfy constraint: [${rules.join(', ')}]`;

const rolePattern = 'arn:aws[a-z\\-]*:iam::[0-9]{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+';
/** 20 characters, the least, are too few for the pattern. */
const role: Values = {
  good: ['arn:aws:iam::123456789012:rolex', padded('arn:aws-cn:iam::123456789012:role/+=,.@-_/', 2048)],
  bad: [
    ['arn:aws:iam::1:role', shortest(20), matches(rolePattern)],
    ['arn:aws:iam::1:role/', matches(rolePattern)],
    [padded('arn:aws:iam::123456789012:role/', 2049), longest(2048)],
    ['arn:aws:iam::12345678901:role/x', matches(rolePattern)],
    ['arn:aws:iam::123456789012:role/x y', matches(rolePattern)],
  ],
};
const hookState = choice('DISABLED', 'ENABLED');
const tagPattern = '([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)';
const tagKey: Values = { good: ['k', 'k'.repeat(128), 'é .:/=+-@_'], bad: [['', shortest(1)], ['k'.repeat(129), longest(128)], ['k!', matches(tagPattern)]] };
const tagValue: Values = { good: ['', 'v'.repeat(256), 'é .:/=+-@_'], bad: [['v'.repeat(257), longest(256)], ['v!', matches(tagPattern)]] };
const tagMap: Values = {
  good: [{}, { ['k'.repeat(128)]: 'v' }, entries(50)],
  bad: [[{ ['k'.repeat(129)]: 'v' }, mapKeys(longest(128))], [{ 'k!': 'v' }, mapKeys(matches(tagPattern))], [{ '': 'v' }, mapKeys(shortest(1))]],
};
const tenConnectors: Values = { good: [[], times(10, 'c')], bad: [[times(11, 'c'), longest(10)]] };
const connectorMember = length(1, 2048);
const taggable =
  'arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:' +
  '(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|' +
  'event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|' +
  '(capacity-provider|network-connector|microvm-image):[a-zA-Z0-9-_]+)';

/** By `<operation>:<path>`, by path, or by the path's last member; the most exact counts. A path ends with `[]` or `{}` for the members of a list or map. */
export const values: Readonly<Record<string, Values>> = {
  name: {
    good: ['n', 'n'.repeat(64), 'aZ09-_'],
    bad: [['', shortest(1), matches('[a-zA-Z0-9-_]+')], ['n'.repeat(65), longest(64)], ['a b', matches('[a-zA-Z0-9-_]+')], ['é', matches('[a-zA-Z0-9-_]+')]],
  },
  baseImageArn: nonBlank,
  baseImageVersion: nonBlank,
  buildRoleArn: role,
  executionRoleArn: role,
  uri: nonBlank,
  description: { good: ['', 'd'.repeat(100_000)] },
  disabled: { good: [{}] },
  logGroup: {
    good: ['g', 'g'.repeat(512), 'aZ09_-/.#'],
    bad: [['', shortest(1), matches('[a-zA-Z0-9_\\-/.#]+')], ['g'.repeat(513), longest(512)], ['a b', matches('[a-zA-Z0-9_\\-/.#]+')]],
  },
  logStream: { good: ['s', 's'.repeat(512), 'a b[1]é'], bad: [['', shortest(1)], ['s'.repeat(513), longest(512)], ['a:b', matches('[^:*]*')], ['a*b', matches('[^:*]*')]] },
  egressNetworkConnectors: { good: [[], ['c']], bad: [[['c', 'd'], longest(1)]] },
  'RunMicrovm:egressNetworkConnectors': tenConnectors,
  ingressNetworkConnectors: tenConnectors,
  'egressNetworkConnectors[]': connectorMember,
  'ingressNetworkConnectors[]': connectorMember,
  cpuConfigurations: { good: [[], times(2, { architecture: 'ARM_64' })] },
  architecture: choice('ARM_64'),
  resources: { good: [[], [{ minimumMemoryInMiB: 512 }]], bad: [[times(2, { minimumMemoryInMiB: 512 }), longest(1)]] },
  minimumMemoryInMiB: { good: [0, 2 ** 31 - 1] },
  additionalOsCapabilities: { good: [[], ['ALL', 'ALL']] },
  'additionalOsCapabilities[]': choice('ALL'),
  port: range(1, 65_535),
  ...Object.fromEntries(['run', 'resume', 'suspend', 'terminate'].flatMap((hook) => [[hook, hookState], [`${hook}TimeoutInSeconds`, range(1, 60)]])),
  ...Object.fromEntries(['ready', 'validate'].flatMap((hook) => [[hook, hookState], [`${hook}TimeoutInSeconds`, range(1, 3600)]])),
  environmentVariables: {
    good: [{}, entries(50), { ['K'.repeat(256)]: 'v' }],
    bad: [
      [entries(51), longest(50)], [{ ['K'.repeat(257)]: 'v' }, mapKeys(longest(256))],
      [{ 'A B': 'v' }, mapKeys(matches(nonBlankPattern))], [{ '': 'v' }, mapKeys(shortest(1), matches(nonBlankPattern))],
    ],
  },
  'environmentVariables{}': { good: ['', 'v'.repeat(4096), '\u{1f980}'.repeat(4096)], bad: [['v'.repeat(4097), longest(4096)]] },
  tags: tagMap,
  'tags{}': tagValue,
  Tags: tagMap,
  'Tags{}': tagValue,
  TagKeys: { good: [['k'], ['k', 'l', 'm']] },
  'TagKeys[]': tagKey,
  Resource: {
    good: [`${imageArn('')}r`, padded(imageArn(''), 10_000), 'arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST'],
    bad: [[padded(imageArn(''), 10_001), longest(10_000)], [imageArn(''), matches(taggable)], ['arn:aws:lambda:us-east-1:123456789012:microvm:x', matches(taggable)]],
  },
  clientToken: length(1, 128),
  imageIdentifier: { good: ['arn:a:lambda:::microvm-image:x', padded(imageArn(''), 256)], bad: [['', shortest(1)], [padded(imageArn(''), 257), longest(256)]] },
  imageVersion: nonBlank,
  buildId: nonBlank,
  status: choice('ACTIVE', 'INACTIVE'),
  microvmIdentifier: length(1, 256),
  expirationInMinutes: { good: [1, 60], bad: [[0, 'Member must have value greater than or equal to 1']] },
  allowedPorts: { good: [[{ port: 1 }], times(100, { port: 1 })], bad: [[[], shortest(1)]] },
  startPort: range(1, 65_535),
  endPort: range(1, 65_535),
  allPorts: { good: [{}] },
  // The upper bound is the developer guide's.
  maxIdleDurationSeconds: range(60, 28_800),
  suspendedDurationSeconds: { good: [0, 2 ** 31 - 1], bad: [[-1, 'Member must have value greater than or equal to 0']] },
  autoResumeEnabled: { good: [true, false] },
  runHookPayload: { good: ['', 'p'.repeat(4096), '\u{1f980}'.repeat(4096)], bad: [['p'.repeat(4097), longest(4096)]] },
  maximumDurationInSeconds: range(1, 28_800),
  maxResults: range(1, 50),
  nextToken: { good: [] },
  nameFilter: nonBlank,
  chipset: choice('GRAVITON'),
  chipsetGeneration: nonBlank,
};

export function valuesOf(operation: string, path: readonly string[]): Values | undefined {
  const text = pathText(path);
  const named = path.findLastIndex((part) => part !== '[]' && part !== '{}');
  return values[`${operation}:${text}`] ?? values[text] ?? values[pathText(path.slice(named))];
}

/** `hooks.microvmHooks.run`, `allowedPorts[].range.startPort`, `tags{}`. */
export function pathText(path: readonly string[]): string {
  return path.reduce((text, part) => (part === '[]' || part === '{}' || text === '' ? text + part : `${text}.${part}`), '');
}
