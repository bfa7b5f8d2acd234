/** `tardigrade config` and the example file. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { exampleFile, exampleOf, VARIABLES, withKeys } from '../../../scripts/config-example/render.js';
import { cli } from '../cli/support/run.js';
import { loadConfig, schema } from '../../../src/config/config.js';
import { parseSettings } from '../../../src/config/file.js';
import { keyOf } from '../../../src/config/keys.js';
import { defaultOf } from '../../../src/config/show.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const parse = (text: string) => parseSettings('shown.yaml', text, Object.keys(schema.shape));

let dir = '';
let file = '';
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tdg-config-'));
  file = join(dir, 'config.yaml');
  await writeFile(file, 'region: eu-west-1\nvmmIds: 400000-400100\naccountId: 000000000012\negress:\n  deny: [10.0.0.0/8, 192.168.0.0/16]\ns3:\n  endpoint: https://s3.example.com\n  accessKeyId: key\n  secretAccessKey: hunter2\n', { mode: 0o600 });
});
after(() => rm(dir, { recursive: true }));

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, stdout, stderr } = await cli(['--config', file, 'config', ...args], env);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

describe('config show', () => {
  it('prints a file that means what is in force, but for secrets', async () => {
    const env = { TARDIGRADE_API_PORT: '7600', TARDIGRADE_UNLIMITED: '1' };
    const { externalS3, ...rest } = loadConfig({}, parse(await run(['show'], env)));
    const { externalS3: real, ...inForce } = loadConfig(env, parse(await readFile(file, 'utf8')));
    assert.deepEqual(rest, inForce);
    assert.equal(real?.secretAccessKey, 'hunter2');
    assert.equal(rest.apiPort, 7600);
    assert.equal(rest.accountId, '000000000012');
    assert.deepEqual(rest.vmmIds, { first: 400_000, count: 101 });
    assert.equal(externalS3?.secretAccessKey, '(hidden)');
  });

  it('says where each value comes from', async () => {
    const shown = await run(['show'], { TARDIGRADE_API_PORT: '7600' });
    assert.match(shown, /^ {2}port: 7600 {2}# environment$/m);
    assert.match(shown, new RegExp(`^region: eu-west-1 {2}# ${file}:1$`, 'm'));
    assert.match(shown, /^ {2}port: 7443$/m);
    assert.match(shown, /^# pricesFile:$/m);
  });

  it('is complete as JSON, without secrets', async () => {
    const text = await run(['show', '--json']);
    assert.ok(!text.includes('hunter2'));
    const { file: path, settings } = JSON.parse(text) as { file: string; settings: { key: string; value: unknown; from: string }[] };
    assert.equal(path, file);
    assert.deepEqual(settings.map(({ key }) => key), VARIABLES.map(keyOf));
    assert.deepEqual(settings.find(({ key }) => key === 'egress.deny'), { key: 'egress.deny', variable: 'TARDIGRADE_EGRESS_DENY', value: ['10.0.0.0/8', '192.168.0.0/16'], from: `${file}:5` });
  });
});

describe('config check', () => {
  it('says that a file is good, and what the environment overrides', async () => {
    assert.equal(await run(['check']), `${file}: good, 7 settings\n`);
    assert.match(await run(['check'], { TARDIGRADE_REGION: 'us-east-1' }), /line 1: TARDIGRADE_REGION in the environment wins here/);
  });

  it('looks at the file by itself, whatever the environment mends', async () => {
    const half = join(dir, 'half.yaml');
    await writeFile(half, 'tls:\n  certFile: /a.pem\n');
    await assert.rejects(run(['check', half], { TARDIGRADE_TLS_KEY_FILE: '/a.key' }), /go together/);
  });

  for (const [words, error] of [[['chekc'], /unknown command 'chekc'/], [['check', 'a', 'b'], /too many arguments/], [['show', '--yaml'], /unknown option '--yaml'/]] as const) {
    it(`refuses "config ${words.join(' ')}"`, () => assert.rejects(run(words), error));
  }
});

describe('packaging/config.example.yaml', () => {
  it('is what npm run config-example makes, and the page has every key', async () => {
    const page = await readFile(join(ROOT, 'docs/configuration.md'), 'utf8');
    assert.equal(page, withKeys(page), 'run npm run config-example');
    assert.equal(await readFile(join(ROOT, 'packaging/config.example.yaml'), 'utf8'), exampleFile(page), 'run npm run config-example');
  });

  it('is good as it is, and changes nothing', async () => {
    const example = parse(await readFile(join(ROOT, 'packaging/config.example.yaml'), 'utf8'));
    assert.deepEqual(loadConfig({}, example), loadConfig({}));
    assert.deepEqual([...example.values.keys()].toSorted(), VARIABLES.filter((variable) => defaultOf(variable) !== undefined).toSorted());
  });

  it('is good and complete with all that is commented out', async () => {
    const text = await readFile(join(ROOT, 'packaging/config.example.yaml'), 'utf8');
    const example = parse(text.replace(/^( *)# /gm, '$1'));
    assert.deepEqual([...example.values.keys()].toSorted(), VARIABLES.toSorted());
    // The key of STS is in a file or here, not both.
    const values = new Map([...example.values].filter(([variable]) => variable !== 'TARDIGRADE_STS_CREDENTIALS_FILE'));
    assert.equal(loadConfig({}, { path: 'example', values }).sts?.region, exampleOf('TARDIGRADE_STS_REGION'));
  });
});

describe('docs/configuration.md', () => {
  it('gives each default as the rules have it', async () => {
    const page = await readFile(join(ROOT, 'docs/configuration.md'), 'utf8');
    for (const variable of VARIABLES) {
      const row = new RegExp(`^\\| \`${variable}\` \\| \`([^\`]+)\` \\| (.*?) \\|`, 'm').exec(page);
      const value = defaultOf(variable);
      const text = value === undefined ? undefined : Array.isArray(value) ? value.join(',') : typeof value === 'boolean' ? (value ? '1' : '0') : String(value);
      if (text === undefined) assert.doesNotMatch(row?.[2] ?? '', /^`(?!TARDIGRADE_)/, variable);
      else assert.equal(row?.[2], `\`${text}\``, variable);
      assert.equal(row?.[1], keyOf(variable));
    }
  });
});
