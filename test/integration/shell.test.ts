/** The shell in AWS's framing, and the command line's shell, exec and cp, against real VMs. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, copyFile, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CreateMicrovmShellAuthTokenCommand } from '@aws-sdk/client-lambda-microvms';
import { WebSocket } from 'ws';
import { zipFolder } from '../../examples/quickstart/zip.js';
import { endpointClient } from '../../examples/quickstart/endpoint.js';
import { EXIT } from '../../src/cli/exit-codes.js';
import { cliEnvironment, COMMAND, runCli, startCli } from './support/cli.js';
import { debs } from './support/debs.js';
import { buildImage } from './support/images.js';
import { reaches, type RunningVm, runVm } from './support/microvms.js';
import { closeShared, type Service, sharedService } from './support/service.js';
import { Tmux } from './support/tmux.js';

const connector = (name: string): string => `arn:aws:lambda:us-east-1:aws:network-connector:aws-network-connector:${name}`;
const DOCKERFILE = `FROM public.ecr.aws/lambda/microvms:al2023-minimal
COPY *.deb /debs/
RUN dpkg -i /debs/*.deb
ENV FROM_IMAGE=yes
WORKDIR /srv
CMD ["python3", "-m", "http.server", "8080", "--bind", "127.0.0.1"]
`;

async function buildShellImage(service: Service): Promise<string> {
  const packages = await debs(service.config.assetsDir, ['vim-tiny', 'vim-common', 'procps', 'libproc2-0']);
  const folder = await mkdtemp(join(tmpdir(), 'tardigrade-shell-'));
  try {
    await writeFile(join(folder, 'Dockerfile'), DOCKERFILE);
    for (const name of await readdir(packages)) if (name.endsWith('.deb')) await copyFile(join(packages, name), join(folder, name));
    const outcome = await buildImage(service, 'shell', await service.upload('shell.zip', await zipFolder(folder)));
    assert.equal(outcome.state, 'CREATED', `${outcome.build.stateReason ?? ''}\n${outcome.log}`);
    return outcome.imageArn;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** An AWS client's shell: what it saw so far, and ways to go on. */
class AwsShell {
  first: string | undefined;
  seen = '';
  readonly closed: Promise<{ code: number; reason: string }>;
  #changed: () => void = () => undefined;

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer, isBinary: boolean) => {
      assert.equal(isBinary, this.first !== undefined, 'all but the first frame is binary');
      if (isBinary) this.seen += data.toString();
      else this.first = data.toString();
      this.#changed();
    });
    this.closed = once(ws, 'close').then(([code, reason]: unknown[]) => ({ code: code as number, reason: String(reason) }));
    ws.once('close', () => this.#changed());
  }

  static async open(service: Service, endpoint: string, token: string, form: 'subprotocols' | 'header'): Promise<AwsShell> {
    const ca = await readFile(service.daemon.caFile ?? '');
    const lookup = (_name: string, _options: unknown, done: (error: null, addresses: { address: string; family: number }[]) => void): void => done(null, [{ address: '127.0.0.1', family: 4 }]);
    const ws = form === 'subprotocols'
      ? new WebSocket(`wss://${endpoint}/shell`, [`lambda-microvms.authentication.${token}`, 'lambda-microvms', 'lambda-microvms.port.8022'], { ca, lookup })
      : new WebSocket(`wss://${endpoint}/`, { ca, lookup, headers: { 'X-aws-proxy-auth': token } });
    const shell = new AwsShell(ws);
    await shell.#until(() => shell.first !== undefined, 'session_init');
    assert.equal(ws.protocol, form === 'subprotocols' ? 'lambda-microvms' : '');
    return shell;
  }

  /** Waits for a text, and forgets what came up to it. */
  async shows(text: string): Promise<void> {
    await this.#until(() => this.seen.includes(text), text);
    this.seen = this.seen.slice(this.seen.indexOf(text) + text.length);
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const limit = setTimeout(() => this.ws.terminate(), 60_000);
    while (!condition()) {
      if (this.ws.readyState === this.ws.CLOSED) assert.fail(`never came: ${JSON.stringify(what)}; last: ${JSON.stringify(this.seen.slice(-2000))}`);
      await new Promise<void>((resolve) => (this.#changed = resolve));
    }
    clearTimeout(limit);
  }
}

describe('shell', { timeout: 600_000 }, () => {
  let service: Service;
  let imageArn: string;
  let vm: RunningVm;
  let scratch: string;
  const token = async (): Promise<string> => {
    const { authToken } = await service.microvms.send(new CreateMicrovmShellAuthTokenCommand({ microvmIdentifier: vm.id, expirationInMinutes: 5 }));
    return authToken?.['X-aws-proxy-auth'] ?? '';
  };
  before(async () => {
    service = await sharedService();
    scratch = await mkdtemp(join(tmpdir(), 'tardigrade-cp-'));
    imageArn = await buildShellImage(service);
    vm = await runVm(service, imageArn, { ingressNetworkConnectors: [connector('HTTP_INGRESS'), connector('SHELL_INGRESS')] });
    await reaches(service, vm.id, 'RUNNING');
  });
  after(async () => {
    await vm.terminate();
    await rm(scratch, { recursive: true });
    await closeShared();
  });

  it('speaks as AWS does: session_init, PTY bytes, resize, close 1000', async () => {
    const shell = await AwsShell.open(service, vm.endpoint, await token(), 'subprotocols');
    assert.match(shell.first ?? '', /^\{"type":"session_init","session_id":"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"\}$/);
    await shell.shows('λ $ ');
    shell.ws.send('echo "$(whoami) $TERM $FROM_IMAGE $(pwd) $0 $(stty size)"\n');
    await shell.shows('root xterm yes /srv bash 0 0');
    shell.ws.send('{"type":"resize","cols":120,"rows":40}');
    shell.ws.send(Buffer.from('stty size\n'));
    await shell.shows('40 120\r\n');
    shell.ws.send('{"type":"other"}\n'); // typed into the shell
    await shell.shows('{"type":"other"}');
    await shell.shows('not found');
    // In the application's container: same processes, same file system, same network.
    shell.ws.send('ps ax | grep -c "[h]ttp.server"; ls /debs | wc -l\n');
    await shell.shows('\r1\r\n4\r\n');

    const other = await AwsShell.open(service, vm.endpoint, await token(), 'header');
    assert.notEqual(other.first, shell.first);
    other.ws.send('tty; exit 3\n');
    await other.shows('/dev/pts/1');
    assert.deepEqual(await other.closed, { code: 1000, reason: 'shell exited' });
    shell.ws.send('exit\n');
    assert.deepEqual(await shell.closed, { code: 1000, reason: 'shell exited' });
  });

  it('answers a shell token on plain HTTPS with 502 and nothing', async () => {
    const client = endpointClient(vm.endpoint, service.daemon.caFile, await token());
    const { status, body, headers } = await client.send('/');
    client.close();
    assert.deepEqual([status, body, headers['x-aws-proxy-error']], [502, '', undefined]);
  });

  it('hangs up when the client leaves', async () => {
    const shell = await AwsShell.open(service, vm.endpoint, await token(), 'subprotocols');
    await shell.shows('λ $ ');
    shell.ws.send("trap 'echo gone > /tmp/hangup; exit' HUP; echo re''ady; while :; do sleep 0.1; done\n");
    await shell.shows('ready');
    shell.ws.terminate();
    const { code, stdout } = await runCli(service, ['exec', vm.id, '--', 'sh', '-c', 'until [ -e /tmp/hangup ]; do sleep 0.1; done; cat /tmp/hangup']);
    assert.deepEqual([code, stdout.toString()], [0, 'gone\n']);
  });

  it('gives a person vim, top, Ctrl-C and a resize, and the terminal back with the shell\'s status', async () => {
    const quoted = [...COMMAND, 'shell', vm.id].map((word) => `'${word}'`).join(' ');
    const tmux = await Tmux.start(`stty > /tmp/tardigrade-before.$$; ${quoted}; echo "code=$?"; stty | diff /tmp/tardigrade-before.$$ - && echo terminal-restored; rm /tmp/tardigrade-before.$$; read line`, cliEnvironment(service), 100, 30);
    try {
      await tmux.shows(/λ \$ ?$/m);
      await tmux.line('stty size');
      await tmux.shows(/^30 100$/m);

      await tmux.line('vim.tiny -u NONE -N -c "set ruler laststatus=2" /tmp/story');
      await tmux.shows(/\/tmp\/story.*\b0,0-1/);
      await tmux.type('iOnce upon a time');
      await tmux.keys('Enter');
      await tmux.type('λ is a letter');
      await tmux.keys('Escape');
      await tmux.shows(/^Once upon a time\nλ is a letter\n~/m);
      await tmux.resize(80, 20);
      const shrunk = await tmux.shows(/\/tmp\/story \[\+\]\s+2,\d+(-\d+)?\s+All/);
      assert.equal(shrunk.split('\n').findIndex((line) => line.startsWith('/tmp/story')), 18, 'the status line is where a window of 20 rows has it');
      await tmux.keys(':', 'w', 'q', 'Enter');
      await tmux.shows(/λ \$ ?$/m);
      await tmux.line('clear; cat /tmp/story; stty size');
      await tmux.shows(/^Once upon a time\nλ is a letter\n20 80$/m);

      await tmux.line('top -d 1');
      await tmux.shows(/load average[^]*PID USER[^]*python3/);
      await tmux.resize(100, 24);
      await tmux.keys('q');
      await tmux.shows(/COMMAND[^]*λ \$/); // top throws away what is typed before it ended
      await tmux.line('clear; stty size');
      await tmux.shows(/^24 100$/m);

      await tmux.line('clear');
      await tmux.line(`sh -c 'echo asleep; exec sleep 1000'`); // told by the process that Ctrl-C is to end
      await tmux.shows(/^asleep$/m);
      await tmux.keys('C-c');
      await tmux.shows(/\^C\nλ \$ ?$/m);
      await tmux.line('echo "ended=$?"');
      await tmux.shows(/^ended=130$/m);
      await tmux.line('clear; exit 7');
      await tmux.shows(/code=7\nterminal-restored/);
    } finally {
      await tmux.end();
    }
  });

  it('leaves by ~. and restores the terminal, also out of a full-screen program', async () => {
    const quoted = [...COMMAND, 'exec', '-t', vm.id, '--', 'vim.tiny', '-u', 'NONE', '/tmp/none'].map((word) => `'${word}'`).join(' ');
    const tmux = await Tmux.start(`stty > /tmp/tardigrade-before.$$; ${quoted}; echo "code=$?"; stty | diff /tmp/tardigrade-before.$$ - && echo terminal-restored; rm /tmp/tardigrade-before.$$; read line`, cliEnvironment(service), 80, 24);
    try {
      await tmux.shows(/^~\n~/m);
      await tmux.keys('Enter');
      await tmux.type('~.');
      const screen = await tmux.shows(/code=255\nterminal-restored/);
      assert.match(screen, /tardigrade: left the session/);
      assert.doesNotMatch(screen, /^~$/m, 'the alternate screen is left');
    } finally {
      await tmux.end();
    }
  });

  it('runs one command: exit code, stdout apart from stderr, stdin, folder, variables, user', async () => {
    const one = await runCli(service, ['exec', '-e', 'A=b c', '-w', '/tmp', '-u', 'nobody', vm.id, '--', 'sh', '-c', 'echo "$A $(pwd) $(whoami) $FROM_IMAGE"; echo error >&2; exit 42']);
    assert.deepEqual([one.code, one.stdout.toString(), one.stderr], [42, 'b c /tmp nobody yes\n', 'error\n']);
    const big = Buffer.alloc(8 * 1024 * 1024, 'tardigrade\n');
    const echoed = await runCli(service, ['exec', vm.id, 'cat'], big);
    assert.equal(echoed.code, 0);
    assert.ok(echoed.stdout.equals(big), `${echoed.stdout.length} bytes of ${big.length}: ${echoed.stderr}`);
    const terminal = await runCli(service, ['exec', '-t', vm.id, 'sh', '-c', 'tty; echo $TERM; echo both >&2']);
    assert.match(terminal.stdout.toString(), /^\/dev\/pts\/\d+\r\nxterm\r\nboth\r\n$/);
    const missing = await runCli(service, ['exec', vm.id, 'no-such-program']);
    assert.equal(missing.code, 127);
    assert.match(missing.stderr, /executable "no-such-program" not found/);
  });

  it('passes signals on, and kills what it leaves', async () => {
    const trapped = startCli(service, ['exec', vm.id, '--', 'sh', '-c', "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done"]);
    await trapped.spoke;
    trapped.child.kill('SIGINT');
    const { code, stdout } = await trapped.result;
    assert.deepEqual([code, stdout.toString()], [9, 'ready\ncaught\n']);

    const left = startCli(service, ['exec', vm.id, '--', 'sh', '-c', 'echo ready; exec sleep 4321']);
    await left.spoke;
    left.child.kill('SIGKILL');
    const gone = await runCli(service, ['exec', vm.id, '--', 'sh', '-c', 'while pgrep -f "^sleep 4321"; do sleep 0.1; done']);
    assert.equal(gone.code, 0);
  });

  it('copies files and folders both ways', async () => {
    const tree = join(scratch, 'tree');
    await mkdir(join(tree, 'empty'), { recursive: true });
    await writeFile(join(tree, 'run'), '#!/bin/sh\n');
    await chmod(join(tree, 'run'), 0o750);
    await writeFile(join(tree, `${'long '.repeat(40)}ä`), Buffer.alloc(3_000_000, 'x'));
    await symlink('../run', join(tree, 'empty', 'link'));
    const quiet = async (...args: readonly string[]): Promise<void> => {
      const { code, stdout, stderr } = await runCli(service, args);
      assert.deepEqual([code, stdout.toString(), stderr], [0, '', ''], args.join(' '));
    };
    await quiet('cp', tree, `${vm.id}:/srv`);
    await quiet('cp', tree, `${vm.id}:/srv/copy`);
    await quiet('cp', `${tree}/.`, `${vm.id}:/srv/copy`);
    const inside = await runCli(service, ['exec', vm.id, '--', 'sh', '-c', 'cd /srv && diff -r tree copy && stat -c "%a %U %s %N" copy/run copy/empty/link && ls copy | wc -l']);
    assert.deepEqual([inside.code, inside.stderr, inside.stdout.toString()], [0, '', "750 root 10 'copy/run'\n777 root 6 'copy/empty/link' -> '../run'\n3\n"]);

    await quiet('cp', `${vm.id}:/srv/copy`, join(scratch, 'back'));
    assert.deepEqual((await readdir(join(scratch, 'back'))).sort(), (await readdir(tree)).sort());
    assert.equal(await readlink(join(scratch, 'back/empty/link')), '../run');
    assert.equal((await lstat(join(scratch, 'back/run'))).mode & 0o7777, 0o750);
    assert.equal(Math.round((await lstat(join(scratch, 'back/run'))).mtimeMs / 1000), Math.floor((await lstat(join(tree, 'run'))).mtimeMs / 1000));
    await quiet('cp', `${vm.id}:/etc/hostname`, scratch);
    assert.equal(await readFile(join(scratch, 'hostname'), 'utf8'), `${vm.id}\n`);

    const none = await runCli(service, ['cp', `${vm.id}:/no/such`, scratch]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /could not copy: lstat \/no: no such file or directory/);
    const nowhere = await runCli(service, ['cp', tree, `${vm.id}:/no/such`]);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /could not copy: \/no: no such folder/);
  });

  it('is dropped by a suspend, and the next one resumes the MicroVM', async () => {
    const shell = await AwsShell.open(service, vm.endpoint, await token(), 'subprotocols');
    await shell.shows('λ $ ');
    const command = startCli(service, ['exec', vm.id, '--', 'sh', '-c', 'echo ready; exec sleep 1000']);
    await command.spoke;
    await vm.suspend();
    const lost = await command.result;
    assert.equal(lost.code, 255);
    assert.match(lost.stderr, /the MicroVM is being suspended/);
    assert.equal((await shell.closed).code, 1006, 'cut, as an application\'s connection');
    const again = await runCli(service, ['exec', vm.id, '--', 'echo', 'awake']);
    assert.deepEqual([again.code, again.stdout.toString()], [0, 'awake\n']);
    // What the suspend dropped is not left behind in the guest.
    const gone = await runCli(service, ['exec', vm.id, '--', 'sh', '-c', 'while pgrep -f "^sleep 1000"; do sleep 0.1; done']);
    assert.equal(gone.code, 0);
  });

  it('says how to run a MicroVM that lets shells in', async () => {
    const closed = await runVm(service, imageArn);
    try {
      const { code, stderr } = await runCli(service, ['shell', closed.id]);
      assert.equal(code, EXIT.state);
      assert.match(stderr, /was run without SHELL_INGRESS[^]*run-microvm .*--ingress-network-connectors .*:SHELL_INGRESS/);
    } finally {
      await closed.terminate();
    }
  });
});
