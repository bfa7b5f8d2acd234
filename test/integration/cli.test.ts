/** The command line as a person uses it, against real MicroVMs: one image and one MicroVM from build to removal. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { runCli, startCli, type RunningCli } from './support/cli.js';
import { closeShared, type Service, sharedService } from './support/service.js';

/** HTTP with an upgrade to an echo of bytes on 8080, an echo of TCP on 7000. */
const APP = `import http.server, os, socket, sys, threading
def echo(c):
    while True:
        data = c.recv(65536)
        if not data: break
        c.sendall(data)
    c.close()
def tcp():
    s = socket.create_server(('127.0.0.1', 7000))
    while True: threading.Thread(target=echo, args=(s.accept()[0],), daemon=True).start()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def answer(self, status, body):
        self.send_response(status); self.send_header('content-length', str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_GET(self):
        print('GET', self.path, file=sys.stderr, flush=True)
        if self.headers.get('Upgrade'):
            self.wfile.write(b'HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n'); self.wfile.flush()
            echo(self.connection)
            self.close_connection = True
        elif self.path == '/none': self.answer(404, b'nothing here')
        else: self.answer(200, os.environ['GREETING'].encode())
    def do_POST(self):
        if self.headers.get('transfer-encoding') == 'chunked':
            body = b''
            while True:
                size = int(self.rfile.readline(), 16)
                body += self.rfile.read(size); self.rfile.readline()
                if size == 0: break
        else: body = self.rfile.read(int(self.headers['content-length']))
        self.answer(200, self.headers.get('x-mark', '-').encode() + b' ' + body)
    def log_message(self, *args): pass
threading.Thread(target=tcp, daemon=True).start()
http.server.ThreadingHTTPServer(('127.0.0.1', 8080), Handler).serve_forever()
`;
const DOCKERFILE = 'FROM public.ecr.aws/lambda/microvms:al2023-minimal\nCOPY . /app/\nRUN ls /app\nCMD ["python3", "/app/app.py"]\n';

describe('command line', () => {
  let service: Service;
  let dir: string;
  let id = '';
  let short = '';
  before(async () => {
    service = await sharedService();
    dir = await mkdtemp(join(tmpdir(), 'tardigrade-cli-'));
    await Promise.all(Object.entries({ Dockerfile: DOCKERFILE, 'app.py': APP, '.dockerignore': 'secret*\n', 'secret.key': 'hunter2' }).map(([name, content]) => writeFile(join(dir, name), content)));
  });
  after(async () => {
    await rm(dir, { recursive: true, force: true });
    await closeShared();
  });

  /** Its standard output; fails with what it said when the code is another. */
  async function typed(args: readonly string[], code = 0, input?: string): Promise<string> {
    const result = await runCli(service, args, input);
    assert.equal(result.code, code, `${args.join(' ')}\n${result.stdout.toString()}\n${result.stderr}`);
    return result.stdout.toString();
  }
  const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await typed([...args, '--json'])) as T;

  it('image build: log, steps, sizes; ls and inspect; a second version', async () => {
    const first = await runCli(service, ['image', 'build', dir, '--name', 'cli-app', '--memory', '512', '--env', 'GREETING=good day', '--json']);
    assert.equal(first.code, 0, first.stderr);
    const built = JSON.parse(first.stdout.toString()) as { imageVersion: string; state: string; bytes: { memory: number; zip: number }; steps: { name: string; status: string }[] };
    assert.deepEqual([built.imageVersion, built.state], ['1.0', 'SUCCESSFUL']);
    assert.ok(built.bytes.memory > 1024 ** 2 && built.bytes.zip > 100);
    assert.ok(built.steps.length >= 4 && built.steps.every(({ status }) => status === 'SUCCEEDED'), JSON.stringify(built.steps));
    assert.match(first.stderr, /\[docker\] .*app\.py/, 'the log');
    assert.doesNotMatch(first.stderr, /secret/, 'what .dockerignore names is not sent');
    for (const { name } of built.steps) assert.match(first.stderr, new RegExp(`^✓ ${name} {2}[\\d.]+ `, 'm'), 'each step, with its time');

    const second = await runCli(service, ['image', 'build', dir, '--name', 'cli-app', '--memory', '512', '--env', 'GREETING=hello', '-q']);
    assert.match(second.stdout.toString(), /^cli-app:2\.0 {2}built in /);
    assert.match(second.stderr, /is there already/);
    assert.match(await typed(['image', 'ls']), /^cli-app +2\.0 +UPDATED +\d+ (s|min)/m);
    assert.match(await typed(['image', 'inspect', 'cli-app']), /^2\.0 +SUCCESSFUL +ACTIVE +512 MiB +[\d.]+ [KM]iB/m);
    assert.match(await typed(['image', 'rm', 'cli-app:1.0']), /^cli-app:1\.0$/m);
    assert.doesNotMatch(await typed(['image', 'inspect', 'cli-app']), /^1\.0 /m);
  });

  it('run, ps, inspect', async () => {
    const { microvmId, url, state } = await json<{ microvmId: string; url: string; state: string }>('run', 'cli-app', '--shell', '--idle', '15m', '--duration', '1h');
    assert.deepEqual([state, url.startsWith('https://')], ['RUNNING', true]);
    id = microvmId;
    short = id.slice('microvm-'.length, 'microvm-'.length + 8);
    assert.match(await typed(['ps']), new RegExp(`^${short} +cli-app:2\\.0 +RUNNING +\\d+ (s|min)`, 'm'));
    const told = await typed(['inspect', short.slice(0, 6)]);
    assert.match(told, /^Next +SUSPENDED in \d+ min/m);
    assert.match(told, /^Ingress +HTTP_INGRESS, SHELL_INGRESS$/m);
    assert.match(told, /^Last launch +RUN, \d+ ms: .*restore/m);
  });

  it('curl: answers, bodies, codes', async () => {
    assert.equal(await typed(['curl', short]), 'hello');
    assert.equal(await typed(['curl', 'cli-app', '/', '-d', 'data', '-H', 'X-Mark: m']), 'm data');
    assert.equal(await typed(['curl', short, '/', '-d', '@-'], 0, 'from a pipe'), '- from a pipe');
    assert.equal(await typed(['curl', short, '/', '-d', `@${join(dir, 'secret.key')}`]), '- hunter2');
    assert.match(await typed(['curl', short, '/none', '-i']), /^HTTP\/1\.1 404 Not Found\r\n[^]*\r\n\r\nnothing here$/);
    assert.equal(await typed(['curl', short, '/none', '--fail'], 1), 'nothing here');
    const { status, body } = await json<{ status: number; body: string }>('curl', short, '/');
    assert.deepEqual([status, body], [200, 'hello']);
  });

  it('logs: of the image, of the MicroVM, as they come', async () => {
    assert.match(await typed(['logs', 'cli-app']), /\[build\]|\[docker\]/);
    assert.match(await typed(['logs', short]), /GET \/none/);
    assert.doesNotMatch(await typed(['logs', short]), /\[docker\]/);
    const following = startCli(service, ['logs', '-f', short]);
    const followed = seen(following, /GET \/followed/);
    await typed(['curl', short, '/followed']);
    await followed;
    following.child.kill('SIGINT');
    assert.equal((await following.result).code, 130);
  });

  it('exec and cp by the short id', async () => {
    assert.equal(await typed(['exec', short, '--', 'sh', '-c', 'cat; exit 3'], 3, 'in'), 'in');
    await typed(['cp', `${short}:/app/app.py`, join(dir, 'copy.py')]);
    assert.equal(await readFile(join(dir, 'copy.py'), 'utf8'), APP);
  });

  it('port-forward: HTTP, an upgrade, and raw TCP', async () => {
    const forward = startCli(service, ['port-forward', short, '0:8080', '--json']);
    const port = await portOf(forward);
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/x`)).text(), 'hello');
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'up', headers: { 'x-mark': 'f' } })).text(), 'f up');
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    await heard(socket, /^HTTP\/1\.1 101 [^]*\r\n\r\n$/);
    socket.write('over the switched connection');
    await heard(socket, /over the switched connection/);
    socket.destroy();
    forward.child.kill('SIGINT');
    assert.equal((await forward.result).code, 130);

    const raw = startCli(service, ['port-forward', short, '0:7000', '--raw', '--json']);
    const tcp = connect(await portOf(raw), '127.0.0.1');
    const large = Buffer.alloc(300_000, 'raw bytes ');
    tcp.end(large);
    const back: Buffer[] = [];
    for await (const chunk of tcp as AsyncIterable<Buffer>) back.push(chunk);
    assert.ok(Buffer.concat(back).equals(large), `${Buffer.concat(back).length} of ${large.length} bytes`);
    raw.child.kill('SIGINT');
    await raw.result;
  });

  it('top, cost, gc', async () => {
    const { microvms } = await json<{ microvms: { microvmId: string; state: string }[] }>('top');
    assert.ok(microvms.some(({ microvmId, state }) => microvmId === id && state === 'RUNNING'));
    assert.match(await typed(['top', '--once']), new RegExp(`^${short} +cli-app:2\\.0 +RUNNING `, 'm'));
    assert.match(await typed(['cost', short]), /^MicroVM microvm-.*: 1 launches[^]*On AWS, US dollars/);
    assert.match(await typed(['cost']), /^Account \d{12}, /);
    assert.match(await typed(['gc', '--dry-run']), /Would free /);
  });

  it('events, kept and as they come; suspend, resume, rm', async () => {
    assert.match(await typed(['events']), new RegExp(`microvm {2}${short} {2}cli-app:2\\.0 {2}PENDING → RUNNING`));
    assert.match(await typed(['events']), /build {4}cli-app:1\.0 {2}\w+ {2}SUCCEEDED/);
    // From the first one kept: which of the two commands the server hears first does not matter then.
    const following = startCli(service, ['events', '-f', '--after', '0', '--json']);
    const suspended = seen(following, new RegExp(`"microvmId":"${id}".*"state":"SUSPENDED"`));
    assert.match(await typed(['suspend', short]), new RegExp(`^${id} {2}SUSPENDED$`, 'm'));
    await suspended;
    following.child.kill('SIGINT');
    await following.result;
    assert.match(await typed(['resume', short]), /RUNNING/);
    assert.match(await typed(['inspect', short]), /^Last launch +RESUME, /m);
    assert.deepEqual((await typed(['__complete', '--', 'curl', short.slice(0, 3)])).trim().split('\n'), [short]);
    assert.match(await typed(['__complete', '--', 'run', 'cli']), /^cli-app$/m);
    assert.match(await typed(['rm', short]), /TERMINATED/);
    assert.doesNotMatch(await typed(['ps']), new RegExp(short));
    assert.match(await typed(['ps', '--all']), new RegExp(`^${short} .*TERMINATED`, 'm'));
    await typed(['image', 'rm', 'cli-app']);
    await typed(['image', 'inspect', 'cli-app'], 3);
  });
});

/** ms a line may take to come; a test that waits for one that never does must end. */
const SEEN_MS = 60_000;

/** To be called at once: what was printed before is not seen. */
async function seen({ child }: RunningCli, what: RegExp): Promise<void> {
  const limit = Date.now() + SEEN_MS;
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  while (!what.test(text)) {
    assert.equal(child.exitCode, null, text);
    assert.ok(Date.now() < limit, `never came: ${String(what)} in\n${text}`);
    await pause(50);
  }
}

async function portOf({ child }: RunningCli): Promise<number> {
  let text = '';
  for (;;) {
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    text += chunk.toString();
    const port = /"url": "\w+:\/\/127\.0\.0\.1:(\d+)"/.exec(text)?.[1];
    if (port !== undefined) return Number(port);
  }
}

async function heard(socket: Socket, what: RegExp): Promise<void> {
  let text = '';
  while (!what.test(text)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    text += chunk.toString('latin1');
  }
}
