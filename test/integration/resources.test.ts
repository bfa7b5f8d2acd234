/** What a MicroVM gets and what it used: its size as the guest sees it, its control group, its usage through the API. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { openCgroups } from '../../src/cgroups/cgroups.js';
import type { Cgroups } from '../../src/cgroups/contracts.js';
import { findHierarchies, readProcFiles } from '../../src/cgroups/hierarchies.js';
import { createProgress } from '../../src/cli/progress.js';
import { loadConfig } from '../../src/config/config.js';
import { ensureGuest } from '../../src/daemon/assets.js';
import type { VmExit } from '../../src/engine/contracts.js';
import { createQemuEngine } from '../../src/engine/qemu/engine.js';
import { NO_EGRESS } from '../../src/network/contracts.js';
import { openLinkPool } from '../../src/network/pool.js';
import type { MicrovmUsage, UsageReport } from '../../src/usage/contracts.js';
import { ask } from './support/ask.js';
import { buildImage, zipFiles } from './support/images.js';
import { runVm } from './support/microvms.js';
import { vmmOf } from './support/residue.js';
import { closeShared, sharedService } from './support/service.js';

const MIB = 1024 * 1024;

/** Tells its size, and takes memory and CPU time on request. */
const APP = `
import http.server, json, os, time
held = []
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/work':
            held.append(bytearray(os.urandom(64) * (40 * 16384)))
            end = time.process_time() + 1
            while time.process_time() < end: pass
        fields = dict(line.split(':') for line in open('/proc/meminfo'))
        disk = os.statvfs('/')
        body = json.dumps({'memoryKiB': int(fields['MemTotal'].split()[0]), 'cpus': os.cpu_count(), 'diskBytes': disk.f_blocks * disk.f_frsize}).encode()
        self.send_response(200); self.send_header('content-length', str(len(body))); self.end_headers(); self.wfile.write(body)
http.server.ThreadingHTTPServer(('', 8080), Handler).serve_forever()
`;

describe('resources', () => {
  after(() => closeShared());

  it('knows when the kernel ended a VM for want of memory, and leaves no group', { timeout: 60_000 }, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'tardigrade-memory-'));
    const runDir = `/run/tardigrade/memory-test-${process.pid}`;
    await mkdir(runDir, { recursive: true });
    const logger = pino({ level: 'silent' });
    const config = loadConfig();
    const links = await openLinkPool({ linkCidr: config.linkCidr, egressDeny: config.egressDeny, poolSize: 0, owner: runDir, logger });
    const cgroups = await openCgroups({ owner: runDir, logger });
    const link = await links.acquire({ egress: NO_EGRESS });
    t.after(async () => {
      await link.release();
      await links.close();
      for (const folder of [dir, runDir]) await rm(folder, { recursive: true });
      await cgroups.close();
    });
    // Less than TCG's translated code and KVM's guest need beyond what the VMM has when it comes into its group.
    const small: Cgroups = { ...cgroups, create: (name, limits) => cgroups.create(name, { ...limits, memoryBytes: 2 * MIB }) };
    const engine = createQemuEngine({ ...(await ensureGuest(config, createProgress())), runDir, cgroups: small });
    const outcome = await engine.boot({ id: 'small', size: { memoryMiB: 512, vcpus: 1 }, disks: [], link, dir }).then((vm) => vm.exited, (error: unknown) => error);
    t.diagnostic(outcome instanceof Error ? outcome.message : JSON.stringify(outcome));
    if (outcome instanceof Error) assert.match(outcome.message, /out of memory/);
    else assert.equal((outcome as VmExit).cause, 'memory');
    assert.deepEqual(await cgroups.names(), []);
  });

  it('gives the guest four times its memory, peak vCPUs and its disk; a group of its own; and counts what it uses', async (t) => {
    const service = await sharedService();
    const image = await buildImage(service, 'resources', await service.upload('resources.zip', await zipFiles({
      'Dockerfile': 'FROM tardigrade/base:12\nCOPY app.py /\nCMD ["python3", "/app.py"]\n', 'app.py': APP,
    })), { resources: [{ minimumMemoryInMiB: 1024 }] });
    assert.equal(image.state, 'CREATED', image.log);
    const vm = await runVm(service, image.imageArn);
    t.after(() => vm.terminate());
    // Snapshotted without a /ready hook, so perhaps before the application listened.
    let answer = await vm.http.send('/', { method: 'GET' });
    for (const end = Date.now() + 60_000; answer.status !== 200 && Date.now() < end; answer = await vm.http.send('/', { method: 'GET' })) await pause(100);
    const seen = JSON.parse(answer.body) as { memoryKiB: number; cpus: number; diskBytes: number };
    t.diagnostic(JSON.stringify(seen));
    // The kernel keeps some for itself, less than a tenth.
    assert.ok(seen.memoryKiB <= 4096 * 1024 && seen.memoryKiB > 0.9 * 4096 * 1024);
    assert.equal(seen.cpus, Math.min(2, availableParallelism()));
    assert.ok(seen.diskBytes <= 8 * 1024 ** 3 && seen.diskBytes > 7 * 1024 ** 3);

    const { pid } = await vmmOf(service, vm.id);
    const expected: Record<string, string> = { 'cpu.shares': '512', 'cpu.weight': '50', 'cpu.cfs_quota_us': String((seen.cpus + 0.5) * 100_000), 'pids.max': String(seen.cpus + 128) };
    const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).split('\n');
    for (const { root, version, controllers } of await findHierarchies(await readProcFiles())) {
      for (const controller of controllers) {
        const line = lines.find((one) => (version === 1 ? one.split(':')[1]?.split(',').includes(controller) : one.startsWith('0::')));
        assert.match(line ?? '', new RegExp(`/tardigrade-[0-9a-f]{5}/${vm.id}$`), controller);
        const folder = join(root, line?.split(':').slice(2).join(':') ?? '');
        for (const [file, value] of Object.entries(expected)) {
          if (file.startsWith(`${controller}.`)) await readFile(join(folder, file), 'utf8').then((text) => assert.equal(text.trim(), value, file), () => undefined); // of the other version
        }
        assert.ok((await readdir(folder)).length > 0);
      }
    }
    assert.equal((await readFile(`/proc/${pid}/oom_score_adj`, 'utf8')).trim(), '500');

    const usage = async (): Promise<MicrovmUsage> => (await ask(service, `/tardigrade/v1/microvms/${vm.id}/usage`)) as MicrovmUsage;
    const before = await usage();
    await vm.http.send('/work', { method: 'GET' });
    const worked = await usage();
    t.diagnostic(JSON.stringify({ before: before.usage, worked: worked.usage }));
    assert.equal(before.usage.launches, 1);
    assert.ok(before.usage.snapshotReadBytes > 20 * MIB);
    assert.ok(worked.usage.cpuSeconds > before.usage.cpuSeconds + 0.5);
    assert.ok(worked.usage.runningSeconds > before.usage.runningSeconds + 0.5);
    assert.ok(worked.usage.peakMemoryBytes > before.usage.peakMemoryBytes + 30 * MIB);

    await vm.suspend();
    await pause(500);
    const suspended = await usage();
    assert.ok(suspended.usage.snapshotWrittenBytes > 40 * MIB && suspended.usage.suspendedSeconds > 0.4 && suspended.usage.storedByteSeconds > 0);
    assert.ok(suspended.usage.cpuSeconds >= worked.usage.cpuSeconds);
    await vm.http.send('/', { method: 'GET' });
    const resumed = await usage();
    assert.deepEqual([resumed.usage.launches, resumed.usage.suspends, resumed.usage.resumes], [1, 1, 1]);
    assert.equal(resumed.usage.snapshotReadBytes, before.usage.snapshotReadBytes + suspended.usage.snapshotWrittenBytes);

    const report = (await ask(service, '/tardigrade/v1/usage')) as UsageReport;
    assert.ok(report.microvms >= 1 && report.cost > 0 && report.usage.cpuSeconds >= resumed.usage.cpuSeconds);
  });
});
