/** Common mistakes at the command line: each is told with what mends it, and has its exit code. Those that need a guest: test/integration/cli-mistakes.test.ts */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RunMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { lockDataDir } from '../../src/daemon/lock.js';
import { accountId, imageArn, key, region, startHarness, type Harness } from './harness.js';
import { cli, type Outcome } from '../unit/cli/support/run.js';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const config = { baseImageArn: 'b', buildRoleArn: 'r', codeArtifact: { uri: 's3://b/k' } };
const session = { accessKeyId: 'TDGSEXPIREDEXPIRED01', secretAccessKey: 'secret-of-a-session', sessionToken: 'its-token', accountId, expiresAt: Date.now() - 1000 };

let api: Harness;
let dir: string;
let busy: Server;
let busyPort: number;
let microvmId: string;
before(async () => {
  api = await startHarness({ findKey: (id) => (id === session.accessKeyId ? session : undefined) });
  dir = await mkdtemp(join(tmpdir(), 'tardigrade-mistakes-'));
  busy = createServer();
  await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
  busyPort = (busy.address() as AddressInfo).port;
  const who = { accountId, accessKeyId: key.accessKeyId };
  for (const name of ['building', 'twin-a', 'twin-b']) api.images.create(who, { name, tags: {}, config });
  const start = async (name: string): Promise<string> => (await api.client().send(new RunMicrovmCommand({ imageIdentifier: imageArn(name) }))).microvmId ?? '';
  microvmId = await start('twin-a');
  api.microvms.setState(microvmId, 'RUNNING');
  for (let i = 0; i < 2; i++) await start('twin-b');
  await mkdir(join(dir, 'no-dockerfile'));
  await writeFile(join(dir, 'app.zip'), 'this is no zip');
});
after(async () => {
  busy.close();
  await api.close();
  await rm(dir, { recursive: true });
});

const good = (): NodeJS.ProcessEnv => ({ AWS_ENDPOINT_URL: api.url, AWS_ACCESS_KEY_ID: key.accessKeyId, AWS_SECRET_ACCESS_KEY: key.secretAccessKey, AWS_REGION: region });

interface Mistake {
  readonly what: string;
  /** The command, with the environment over that of a person who made none. */
  readonly made: () => Promise<Outcome>;
  readonly code: number;
  readonly says: RegExp;
  readonly mends: RegExp;
  readonly root?: true;
}

const typed = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => () => cli(args, { ...good(), ...env });

const MISTAKES: readonly Mistake[] = [
  { what: 'unknown access key', made: typed(['ps'], { AWS_ACCESS_KEY_ID: 'AKIDNOTOFTHISSERVER' }), code: 4, says: /UnrecognizedClientException/, mends: /does not have this access key[^]*eval "\$\(sudo tardigrade env\)"/ },
  { what: 'wrong secret', made: typed(['ps'], { AWS_SECRET_ACCESS_KEY: 'wrong' }), code: 4, says: /InvalidSignatureException/, mends: /secret key does not belong to the access key/ },
  { what: 'wrong Region', made: typed(['ps', '--region', 'eu-west-1']), code: 4, says: /scoped to a valid region/, mends: /--region us-east-1/ },
  { what: 'expired credentials', made: typed(['ps'], { AWS_ACCESS_KEY_ID: session.accessKeyId, AWS_SECRET_ACCESS_KEY: session.secretAccessKey, AWS_SESSION_TOKEN: session.sessionToken }), code: 4, says: /ExpiredTokenException/, mends: /time is over: get new ones/ },
  {
    what: 'clock that is off',
    made: async () => {
      api.clockOffsetMs = 20 * 60_000;
      return typed(['ps'])().finally(() => (api.clockOffsetMs = 0));
    },
    code: 4, says: /Signature expired/, mends: /this computer's clock is (19 min \d+ s|20 min) behind the server's: set it \(timedatectl set-ntp true\)/,
  },
  { what: 'unknown id in full', made: typed(['inspect', 'microvm-00000000-0000-4000-8000-000000000000']), code: 3, says: /microvm-00000000/, mends: /tardigrade ps --all/ },
  { what: 'unknown id', made: typed(['curl', 'f00df00d']), code: 3, says: /no MicroVM 'f00df00d'/, mends: /tardigrade ps --all/ },
  { what: 'ambiguous name', made: typed(['suspend', 'twin-b']), code: 3, says: /'twin-b' fits 2 MicroVMs/, mends: /type more of the id[^]*microvm-[0-9a-f-]{36} {2}twin-b[^]*microvm-[0-9a-f-]{36} {2}twin-b/ },
  { what: 'ambiguous beginning of an image\'s name', made: typed(['run', 'twin']), code: 3, says: /'twin' fits 2 images/, mends: /twin-a[^]*twin-b/ },
  { what: 'unknown image', made: typed(['run', 'nothing']), code: 3, says: /no image 'nothing'/, mends: /tardigrade image build <folder or zip> --name nothing/ },
  { what: 'an image of which nothing runs', made: typed(['curl', 'building']), code: 3, says: /no MicroVM of the image 'building' is running/, mends: /tardigrade run building/ },
  { what: 'image that is still being built', made: typed(['run', 'building']), code: 6, says: /still being built/, mends: /tardigrade logs -f building/ },
  { what: 'MicroVM without SHELL_INGRESS', made: () => cli(['exec', microvmId, '--', 'ls'], good()), code: 6, says: /without SHELL_INGRESS/, mends: /tardigrade run <image> --shell/ },
  { what: 'not a zip', made: () => cli(['image', 'build', join(dir, 'app.zip')], good()), code: 2, says: /neither a folder nor a zip/, mends: /zip -r/ },
  { what: 'folder without a Dockerfile', made: () => cli(['image', 'build', join(dir, 'no-dockerfile')], good()), code: 2, says: /no file named Dockerfile/, mends: /FROM public\.ecr\.aws/ },
  { what: 'path that is not there', made: () => cli(['image', 'build', join(dir, 'none')], good()), code: 2, says: /there is no .*none/, mends: /name a folder with a Dockerfile/ },
  { what: 'service that is not running', made: typed(['ps'], { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }), code: 5, says: /nothing answers at http:\/\/127\.0\.0\.1:1/, mends: /sudo tardigrade serve/ },
  { what: 'host that is not known', made: typed(['ps'], { AWS_ENDPOINT_URL: 'http://no-such-host.invalid:7400' }), code: 5, says: /nothing answers/, mends: /host's name is not known/ },
  { what: 'no keys', made: () => cli(['ps'], { AWS_ENDPOINT_URL: api.url, AWS_CONFIG_FILE: join(dir, 'none'), AWS_SHARED_CREDENTIALS_FILE: join(dir, 'none') }), code: 4, says: /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set/, mends: /--profile/ },
  { what: 'profile that is not there', made: typed(['ps', '--profile', 'none'], { AWS_CONFIG_FILE: '/none', AWS_SHARED_CREDENTIALS_FILE: '/none' }), code: 2, says: /no profile 'none'/, mends: /aws configure --profile none/ },
  { what: 'local port in use', made: () => cli(['port-forward', microvmId, `${busyPort}:8080`], good()), code: 1, says: /port \d+ of 127\.0\.0\.1 is in use/, mends: /any free one: 0:8080/ },
  { what: 'ports that are none', made: () => cli(['port-forward', microvmId, 'http'], good()), code: 2, says: /no pair of ports/, mends: /3000:8080/ },
  { what: 'bad duration', made: () => cli(['token', microvmId, '--for', 'soon'], good()), code: 2, says: /--for soon: is no duration/, mends: /write it as 90s, 15m/ },
  { what: 'misspelt command', made: typed(['imgae', 'ls']), code: 2, says: /unknown command 'imgae'/, mends: /Did you mean image/ },
  { what: 'misspelt option', made: typed(['ps', '--jsno']), code: 2, says: /unknown option '--jsno'/, mends: /Did you mean --json/ },
  { what: 'bad setting', made: () => cli(['ps'], { TARDIGRADE_DATA_DIR: dir, TARDIGRADE_API_PORT: 'http' }), code: 1, says: /bad settings/, mends: /TARDIGRADE_API_PORT/ },
  { what: 'port of the service in use', root: true, made: () => cli(['serve'], { TARDIGRADE_DATA_DIR: join(dir, 'data'), TARDIGRADE_API_PORT: String(busyPort) }), code: 1, says: /port \d+ of 127\.0\.0\.1 is in use/, mends: /TARDIGRADE_API_PORT=\d+ tardigrade serve/ },
  {
    what: 'second service on a data folder', root: true,
    made: async () => {
      await mkdir(join(dir, 'locked'));
      const release = lockDataDir(join(dir, 'locked'));
      return cli(['serve'], { TARDIGRADE_DATA_DIR: join(dir, 'locked'), TARDIGRADE_API_PORT: '0', TARDIGRADE_ENDPOINT_PORT: '0' }).finally(release);
    },
    code: 1, says: /another Tardigrade serves/, mends: /stop it, or set TARDIGRADE_DATA_DIR/,
  },
  // A user namespace of its own makes a person of root who is not.
  { what: 'serve without root', made: () => runProcess('unshare', ['--user', process.execPath, '--import', 'tsx', MAIN, 'serve'], { TARDIGRADE_DATA_DIR: dir }), code: 1, says: /serve needs root/, mends: /sudo tardigrade serve/ },
  { what: 'destroy-key without --yes', made: () => cli(['destroy-key', '000000000000'], { TARDIGRADE_DATA_DIR: dir }), code: 1, says: /unreadable, for good/, mends: /add --yes/ },
];

function runProcess(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { env: { PATH: process.env['PATH'], ...env } }, (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }));
  });
}

for (const { what, made, code, says, mends, root } of MISTAKES) {
  test(`mistake: ${what}`, { skip: root === true && process.getuid?.() !== 0 ? 'needs root' : false }, async () => {
    const outcome = await made();
    assert.match(outcome.stderr, says);
    assert.match(outcome.stderr, mends);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.equal(outcome.stdout, '', 'what went wrong is no result');
  });
}

test('with --json the error is JSON too', async () => {
  const outcome = await runProcess(process.execPath, ['--import', 'tsx', MAIN, 'run', 'nothing', '--json'], good());
  const { error } = JSON.parse(outcome.stderr) as { error: { message: string; fix: string[]; exitCode: number } };
  assert.deepEqual([outcome.code, error.exitCode, error.message, error.fix.length], [3, 3, 'there is no image \'nothing\'', 2]);
});
