/** The configuration file: its keys, its errors, and who wins. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadConfig, schema } from '../../../src/config/config.js';
import { parseSettings } from '../../../src/config/file.js';
import { isSecret, keyOf, nearest, pathOf } from '../../../src/config/keys.js';
import { readConfig } from '../../../src/config/load.js';

const VARIABLES = Object.keys(schema.shape);
const parse = (text: string) => parseSettings('c.yaml', text, VARIABLES);
const load = (text: string, env: NodeJS.ProcessEnv = {}) => loadConfig(env, parse(text));

describe('keys of settings', () => {
  it('are one for each variable, and never a section too', () => {
    const keys = VARIABLES.map(keyOf);
    assert.equal(new Set(keys).size, keys.length);
    const sections = new Set(VARIABLES.map(pathOf).filter((path) => path.length === 2).map(([section]) => section));
    assert.deepEqual(keys.filter((key) => sections.has(key)), []);
  });

  for (const [variable, key] of [
    ['TARDIGRADE_API_PORT', 'api.port'], ['TARDIGRADE_DATA_DIR', 'dataDir'], ['TARDIGRADE_LINK_NEW_CONNECTIONS', 'link.newConnections'], ['TARDIGRADE_ENCRYPTION', 'encryption'],
    ['TARDIGRADE_S3_SECRET_ACCESS_KEY', 's3.secretAccessKey'],
  ] as const) it(`${variable} is ${key}`, () => assert.equal(keyOf(variable), key));

  it('are secret by their name', () => {
    assert.deepEqual(VARIABLES.filter(isSecret).toSorted(), VARIABLES.filter((name) => /SECRET_ACCESS_KEY$|SESSION_TOKEN$/.test(name)).toSorted());
  });

  it('have a nearest one for a slip of the pen, and none for anything', () => {
    const keys = VARIABLES.map(keyOf);
    assert.equal(nearest('api.prot', keys), 'api.port');
    assert.equal(nearest('datadir', keys), 'dataDir');
    assert.equal(nearest('xyzzyplughfrotz', keys), undefined);
  });
});

describe('a configuration file', () => {
  it('sets what it names, and leaves the rest at the defaults', () => {
    const config = load('region: eu-central-1\napi:\n  port: 7500\negress:\n  deny: [10.0.0.0/8, 192.168.0.0/16]\nunlimited: true\naccountId: 000000000012\n');
    assert.deepEqual(config, { ...loadConfig({}), region: 'eu-central-1', apiPort: 7500, egressDeny: ['10.0.0.0/8', '192.168.0.0/16'], unlimited: true, accountId: '000000000012' });
  });

  it('may be JSON, empty, or comments alone', () => {
    assert.equal(load('{"api": {"port": 7500}}').apiPort, 7500);
    assert.deepEqual(load(''), loadConfig({}));
    assert.deepEqual(load('# region: x\napi:\n'), loadConfig({}));
  });

  it('loses against the environment, value by value', () => {
    const config = load('api:\n  port: 7500\n  host: 10.0.0.1\n', { TARDIGRADE_API_PORT: '7600' });
    assert.equal(config.apiPort, 7600);
    assert.equal(config.apiHost, '10.0.0.1');
  });

  for (const [what, text, message] of [
    ['a value beyond its rule', 'region: us-east-1\napi:\n  port: 99999\n', /c\.yaml:3: api\.port is "99999": Too big/],
    ['a value of another type', 'log:\n  level: 7\n', /c\.yaml:2: log\.level is "7": Invalid option: expected one of "debug"/],
    ['true where a number belongs', 'link:\n  packets: true\n', /c\.yaml:2: link\.packets is "1": Too small/],
    ['a half of a pair', 'tls:\n  certFile: /a.pem\n', /TARDIGRADE_TLS_CERT_FILE and TARDIGRADE_TLS_KEY_FILE go together.*c\.yaml:2: tls\.certFile/],
    ['a half of S3', 's3:\n  endpoint: https://s3.example.com\n', /go together.*c\.yaml:2: s3\.endpoint/],
    ['an unknown key', 'regoin: us-east-1\n', /c\.yaml:1: regoin is no setting; the nearest is region/],
    ['an unknown key of a section', 'api:\n  prot: 1\n', /c\.yaml:2: api\.prot is no setting; the nearest is api\.port/],
    ['an unknown section', '\n\nendpiont:\n  port: 1\n', /c\.yaml:3: endpiont is no setting; the nearest is endpoint/],
    ['a key without a value', 'domain:\n', /c\.yaml:1: domain has no value/],
    ['a value with parts', 'domain:\n  a: b\n', /c\.yaml:1: domain has no value this program can use/],
    ['a section that is a value', 'api: 7400\n', /c\.yaml:1: api is a section/],
    ['a key twice', 'region: us-east-1\nregion: us-east-1\n', /c\.yaml:2: not YAML: Map keys must be unique/],
    ['what is no YAML', 'api: [\n', /c\.yaml:\d: not YAML/],
    ['a list instead of keys', '- a\n', /c\.yaml:1: must hold keys and values/],
  ] as const) it(`is refused for ${what}`, () => assert.throws(() => load(text), message));

  it('is told of all its wrong lines at once', () => {
    assert.throws(() => load('regoin: x\napi:\n  prot: 1\n'), /c\.yaml:1: [^]*c\.yaml:3: /);
    assert.throws(() => load('domain: A\napi:\n  port: -1\n'), /c\.yaml:3: [^]*c\.yaml:1: |c\.yaml:1: [^]*c\.yaml:3: /);
  });

  it('has no secret in its errors', () => {
    assert.throws(() => load('s3:\n  secretAccessKey: ""\n  sessionToken: hunter2\n  endpoint: nowhere\n'), (error: Error) => !error.message.includes('hunter2') && error.message.includes('s3.secretAccessKey is (hidden)'));
  });
});

describe('readConfig', () => {
  let dir = '';
  before(async () => void (dir = await mkdtemp(join(tmpdir(), 'tdg-config-'))));
  after(() => rm(dir, { recursive: true }));

  it('takes the named file, the option before the variable', async () => {
    const [a, b] = [join(dir, 'a.yaml'), join(dir, 'b.yaml')];
    await writeFile(a, 'region: eu-west-1\n');
    await writeFile(b, 'region: eu-west-2\n');
    assert.equal((await readConfig(undefined, { TARDIGRADE_CONFIG: a })).config.region, 'eu-west-1');
    assert.equal((await readConfig(b, { TARDIGRADE_CONFIG: a })).config.region, 'eu-west-2');
  });

  it('refuses a named file that is not there', () => assert.rejects(readConfig(join(dir, 'none.yaml'), {}), /cannot read the configuration file .*none\.yaml/));

  it('refuses a file with a secret that others may read', async () => {
    const file = join(dir, 'secret.yaml');
    await writeFile(file, 's3:\n  endpoint: https://s3.example.com\n  accessKeyId: a\n  secretAccessKey: b\n');
    await chmod(file, 0o644);
    await assert.rejects(readConfig(file, {}), /mode 644: it holds a secret \(s3\.secretAccessKey\).*chmod 600/);
    await chmod(file, 0o600);
    assert.equal((await readConfig(file, {})).config.externalS3?.secretAccessKey, 'b');
  });
});
