/** What a Dockerfile may ask for, and that the guest then has it: user, workdir, entrypoint, packages, capabilities, init. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { buildImage, zipFiles } from './support/images.js';
import { runVm } from './support/microvms.js';
import { closeShared, sharedService } from './support/service.js';

/** Answers what the process is, by its own view. */
const WHOAMI = `
import http.server, json, os, resource, subprocess, time, traceback
def state(pid):
    try:
        return open(f"/proc/{pid}/status").read()
    except OSError:
        return ""  # ended meanwhile
def view(handler):
    status = dict(line.split(":", 1) for line in state("self").splitlines() if ":" in line)
    for _ in range(3):
        subprocess.Popen(["sh", "-c", "sleep 0.01 & exit"]).wait()  # orphans for init to reap
    time.sleep(0.5)
    return dict(
        uid=os.getuid(), gid=os.getgid(), cwd=os.getcwd(), argv=open("/proc/self/cmdline").read().split("\\0")[:-1],
        capabilities=status["CapBnd"].strip(), env=dict(os.environ), hello=os.path.exists("/usr/bin/hello"), made=open("/made").read(),
        zombies=sum("\\nState:\\tZ" in state(pid) for pid in os.listdir("/proc") if pid.isdigit()),
        nofile=resource.getrlimit(resource.RLIMIT_NOFILE)[0], address=handler.client_address[0])
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            code, body = 200, json.dumps(view(self)).encode()
        except Exception:
            code, body = 500, traceback.format_exc().encode()
        self.send_response(code); self.send_header("content-length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_POST(self):  # the ready hook
        self.send_response(200); self.send_header("content-length", "0"); self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", 8080), H).serve_forever()
`;

const DOCKERFILE = `
FROM tardigrade/base:12
RUN useradd --uid 4711 app && echo from-run >/made
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends hello
WORKDIR /srv/app
COPY whoami.py .
USER app
ENV COLOUR=blue SHARED=dockerfile
ENTRYPOINT ["python3", "whoami.py"]
CMD ["--flag", "two words"]
`;

describe('builds', () => {
  after(() => closeShared());

  it('runs the Dockerfile with a network and starts what it describes', async () => {
    const service = await sharedService();
    const uri = await service.upload('whoami.zip', await zipFiles({ Dockerfile: DOCKERFILE, 'whoami.py': WHOAMI }));
    const outcome = await buildImage(service, 'whoami', uri, { hooks: { port: 8080, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 60 } }, environmentVariables: { SHARED: 'image', EXTRA: 'x' } });
    assert.equal(outcome.state, 'CREATED', `${outcome.build.stateReason ?? ''}\n${outcome.log}`);
    const sizes = outcome.build.snapshotBuild;
    for (const size of [sizes?.codeInstallSizeInBytes, sizes?.diskSnapshotSizeInBytes, sizes?.memorySnapshotSizeInBytes]) assert.ok((size ?? 0) > 1_000_000, JSON.stringify(sizes));
    const vm = await runVm(service, outcome.imageArn);
    const answer = await vm.http.send('/');
    await vm.terminate();
    assert.equal(answer.status, 200, answer.body);
    const seen = JSON.parse(answer.body) as Record<string, unknown> & { env: Record<string, string>; argv: string[] };
    assert.deepEqual(
      [seen['uid'], seen['cwd'], seen['made'], seen['hello'], seen['address'], seen['zombies'], seen['nofile']],
      [4711, '/srv/app', 'from-run\n', true, '127.0.0.1', 0, 1024],
    );
    assert.deepEqual(seen.argv, ['python3', 'whoami.py', '--flag', 'two words']);
    assert.deepEqual([seen.env['COLOUR'], seen.env['SHARED'], seen.env['EXTRA']], ['blue', 'image', 'x']);
    // Docker's default set of capabilities (spec §3.8).
    assert.equal(seen['capabilities'], '00000000a80425fb');
  });
});
