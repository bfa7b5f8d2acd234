/** What all commands have in common, and what needs no server. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { candidates } from '../../../src/cli/completion/candidates.js';
import { Context } from '../../../src/cli/context.js';
import { EXIT, INTERRUPTED } from '../../../src/cli/exit-codes.js';
import { parsePorts } from '../../../src/cli/commands/port-forward.js';
import { hooksOf } from '../../../src/cli/commands/image-options.js';
import { openAccess } from '../../../src/cli/client/access.js';
import { styleFor } from '../../../src/cli/output/style.js';
import { table } from '../../../src/cli/output/table.js';
import { bytesText, durationText, parseDuration } from '../../../src/cli/output/units.js';
import { createProgram, everyCommand } from '../../../src/cli/program/program.js';
import { imageArn, key, region, startHarness } from '../../conformance/harness.js';
import { RunMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { cli } from './support/run.js';

const program = createProgram({ exit: () => undefined, context: (options) => new Context({ ...process, env: {} }, options), interrupted: () => new AbortController().signal });
/** Their output is that of what runs there, or a script. */
const WITHOUT_JSON = new Set(['tardigrade', 'image', 'config', 'setup', 'shell', 'exec', 'cp', 'completion', '__complete', 'help']);

test('every command has a summary, and prints JSON when asked', () => {
  const commands = everyCommand(program);
  assert.ok(commands.length > 25);
  for (const command of commands) {
    if (command.name() !== 'tardigrade' && !command.name().startsWith('_') && command.name() !== 'help') assert.notEqual(command.summary(), '', command.name());
    assert.equal(command.options.some(({ long }) => long === '--json'), !WITHOUT_JSON.has(command.name()), command.name());
  }
});

test('docs/cli.md names each command, and has the exit codes there are', async () => {
  const page = await readFile(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
  for (const command of everyCommand(program)) {
    if (command !== program && !command.name().startsWith('_')) assert.match(page, new RegExp(`\\b${command.name()}\\b`), command.name());
  }
  const documented = [...page.matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code));
  assert.deepEqual(documented, [...Object.values(EXIT), INTERRUPTED]);
});

test('a table is aligned whatever is in it, and its cells act on no terminal', () => {
  const text = table([{ title: 'NAME' }, { title: 'N', align: 'right' }], [['λλ', '1'], ['a\nb\x1b[2J', '200']], (cell) => `<${cell}>`);
  assert.equal(text, `NAME${' '.repeat(3)}    N\n<λλ>${' '.repeat(5)}    <1>\n<a b?[2J>  <200>\n`);
});

test('colours: on a terminal, without NO_COLOR', () => {
  assert.equal(styleFor({ isTTY: true }, {})('red', 'x'), '\x1b[31mx\x1b[0m');
  for (const [tty, env] of [[false, {}], [true, { NO_COLOR: '1' }], [true, { TERM: 'dumb' }]] as const) assert.equal(styleFor({ isTTY: tty }, env)('red', 'x'), 'x');
});

test('sizes and durations, in and out', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 200 * 1024 ** 2, 3 * 1024 ** 4].map(bytesText), ['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '200 MiB', '3.0 TiB']);
  assert.deepEqual([0, 59.6, 61, 3600, 3661, 90_000].map(durationText), ['0 s', '1 min', '1 min 1 s', '1 h', '1 h 1 min', '1 d 1 h']);
  assert.deepEqual(['90', '90s', '15m', '2min', '8h', '1h30m', '1d'].map((text) => parseDuration(text, '--idle')), [90, 90, 900, 120, 28_800, 5400, 86_400]);
  for (const wrong of ['', 'm', '1x', '1h30', '-5', '1.5h']) assert.throws(() => parseDuration(wrong, '--idle'), /--idle .*is no duration/, wrong);
});

test('ports and hooks as they are typed', () => {
  assert.deepEqual([parsePorts('80'), parsePorts('3000:8080'), parsePorts('0:65535')], [{ local: 80, remote: 80 }, { local: 3000, remote: 8080 }, { local: 0, remote: 65_535 }]);
  for (const wrong of ['', 'a', '0', '80:0', '1:2:3', '65536', '80:99999']) assert.throws(() => parsePorts(wrong), /no pair of ports/, wrong);
  assert.deepEqual(hooksOf(['ready=120', 'run'], 9000), { port: 9000, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 120 }, microvmHooks: { run: 'ENABLED' } });
  assert.equal(hooksOf([], undefined), undefined);
  assert.throws(() => hooksOf(['redy'], 9000), /--hook redy: is none of ready, validate/);
  assert.throws(() => hooksOf([], 9000), /of no use without a hook/);
});

test('where to and with which key: options, a profile, the environment', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-profile-'));
  t.after(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'config'), '[default]\nregion = eu-west-1\n\n[profile lab]\nregion=eu-north-1\nendpoint_url = http://lab:7400\nca_bundle = /lab.pem\ns3 =\n  endpoint_url = http://elsewhere\n');
  await writeFile(join(dir, 'credentials'), '[default]\naws_access_key_id = D\naws_secret_access_key = ds\n[lab]\naws_access_key_id = L\naws_secret_access_key = ls\naws_session_token = lt\n');
  const files = { AWS_CONFIG_FILE: join(dir, 'config'), AWS_SHARED_CREDENTIALS_FILE: join(dir, 'credentials') };
  const lab = { apiUrl: 'http://lab:7400', key: { accessKeyId: 'L', secretAccessKey: 'ls', sessionToken: 'lt' }, region: 'eu-north-1', caFile: '/lab.pem' };
  const environment = { AWS_ACCESS_KEY_ID: 'E', AWS_SECRET_ACCESS_KEY: 'es', AWS_REGION: 'us-east-2', AWS_ENDPOINT_URL: 'http://env:7400' };
  assert.deepEqual(await openAccess({ profile: 'lab' }, { ...files, ...environment }), lab);
  assert.deepEqual(await openAccess({ profile: 'lab', endpoint: 'http://other:1', region: 'r', caFile: '/o.pem' }, files), { ...lab, apiUrl: 'http://other:1', region: 'r', caFile: '/o.pem' });
  assert.deepEqual(await openAccess({}, { ...files, ...environment }), { apiUrl: 'http://env:7400', key: { accessKeyId: 'E', secretAccessKey: 'es' }, region: 'us-east-2', caFile: undefined });
  assert.deepEqual(await openAccess({ endpoint: 'http://e:1' }, files), { apiUrl: 'http://e:1', key: { accessKeyId: 'D', secretAccessKey: 'ds' }, region: 'eu-west-1', caFile: undefined });
  assert.equal((await openAccess({ endpoint: 'http://e:1' }, { ...files, AWS_PROFILE: 'lab' })).key.accessKeyId, 'L');
  await assert.rejects(openAccess({ profile: 'default' }, files), /no endpoint_url/);
  await assert.rejects(openAccess({ endpoint: 'lab:7400' }, files), /is no address of an API/);
});

test('completion: commands, options, names the server has, and silence without one', async (t) => {
  const api = await startHarness();
  t.after(() => api.close());
  api.images.create({ accountId: '123456789012', accessKeyId: key.accessKeyId }, { name: 'my-app', tags: {}, config: { baseImageArn: 'b', buildRoleArn: 'r', codeArtifact: { uri: 's3://b/k' } } });
  const { microvmId = '' } = await api.client().send(new RunMicrovmCommand({ imageIdentifier: imageArn('my-app') }));
  const env = { AWS_ENDPOINT_URL: api.url, AWS_ACCESS_KEY_ID: key.accessKeyId, AWS_SECRET_ACCESS_KEY: key.secretAccessKey, AWS_REGION: region };
  const complete = async (...words: string[]): Promise<string[]> => (await cli(['__complete', '--', ...words], env)).stdout.split('\n').filter(Boolean);
  const short = microvmId.slice('microvm-'.length, 'microvm-'.length + 8);
  assert.deepEqual(await complete('im'), ['image']);
  assert.deepEqual(await complete('image', 'i'), ['inspect']);
  assert.ok((await complete('')).includes('run') && !(await complete('')).includes('__complete'));
  assert.deepEqual(await complete('run', '--id'), ['--idle']);
  assert.deepEqual(await complete('run', ''), ['my-app']);
  assert.deepEqual(await complete('run', '--idle', ''), [], 'the value of an option');
  assert.deepEqual(await complete('curl', ''), [short]);
  assert.deepEqual(await complete('suspend', short, ''), [short], 'several');
  assert.deepEqual(await complete('ps', ''), []);
  assert.deepEqual(await candidates(program, ['run', ''], () => Promise.reject(new Error('no server'))), []);
});

test('completion in bash itself', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-completion-'));
  t.after(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'tardigrade'), '#!/bin/sh\nshift 2\necho "$#:$1:$2" >&2\nprintf "image\\ninspect\\n"\n', { mode: 0o755 });
  const { stdout: script } = await cli(['completion', 'bash'], {});
  const typed = 'COMP_WORDS=(tardigrade image ins); COMP_CWORD=2; COMP_LINE="tardigrade image ins"; COMP_POINT=20; _tardigrade; echo "${COMPREPLY[@]}"';
  const { stdout } = await promisify(execFile)('bash', ['-c', `${script}\n${typed}`], { env: { PATH: `${dir}:${process.env['PATH'] ?? ''}` } });
  assert.equal(stdout, 'inspect\n');
  assert.match((await cli(['completion', 'zsh'], {})).stdout, /compdef _tardigrade tardigrade/);
  assert.match((await cli(['completion', 'fish'], {})).stdout, /complete -c tardigrade/);
  assert.equal((await cli(['completion', 'tcsh'], {})).code, 2);
});
