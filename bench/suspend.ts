/**
 * Suspend: of a clone that has answered one request (about 6 MB dirtied), against QEMU's own `migrate` of an equal clone to
 * a file, in turn, in one run; and for guests of three sizes, whose cost must be the same. Resume: a request that meets a
 * suspended MicroVM, against RunMicrovm of the same image; both until the first HTTP 200 through the endpoint.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { createProgress } from '../src/cli/progress.js';
import { ensureGuest } from '../src/daemon/assets.js';
import type { Engine, EngineInfo } from '../src/engine/contracts.js';
import { createQemuEngine } from '../src/engine/qemu/engine.js';
import { createGuestAgent } from '../src/guest/agent.js';
import { GUEST_NET, INTERNET, type Link, type LinkPool } from '../src/network/contracts.js';
import { openLinkPool } from '../src/network/pool.js';
import { dialGuest } from '../src/engine/qemu/dial.js';
import { flaskImage } from '../test/integration/support/images.js';
import { runVm } from '../test/integration/support/microvms.js';
import { closeShared, type Service, sharedService } from '../test/integration/support/service.js';
import { firstAnswer, startBare } from './bare-restore.js';
import { row, type Series, summarise } from './statistics.js';

declare module '../src/engine/qemu/qmp.js' {
  interface QmpCommands {
    'migrate-set-parameters': { args: { 'max-bandwidth': number }; result: unknown };
    migrate: { args: { uri: string }; result: unknown };
    'query-migrate': { args: undefined; result: { status: string; 'error-desc'?: string } };
  }
}

/** Baselines in MiB; the guest sees four times as much. */
const SIZES = [512, 2048, 8192] as const;
const ROUNDS = 15;
const WARM_UP = 2;
/** QEMU reads all of the guest's memory each time. */
const MIGRATIONS: Readonly<Record<number, number>> = { 512: 9, 2048: 3, 8192: 2 };
const SUSPEND_BOUND = 0.1;
const FLAT_BOUND = 1.3;
const RESUME_BOUND = 1.15;
const PORT = 8080;

interface Bench {
  readonly info: EngineInfo;
  readonly engine: Engine;
  readonly links: LinkPool;
  readonly template: (size: number) => string;
}

export default async function run(): Promise<void> {
  const service = await sharedService();
  const runDir = `/run/tardigrade/bench-${process.pid}`;
  await mkdir(runDir, { recursive: true });
  const links = await openLinkPool({ linkCidr: service.config.linkCidr, egressDeny: [], poolSize: 1, owner: runDir, logger: pino({ level: 'warn' }) });
  try {
    const guest = await ensureGuest(service.config, createProgress());
    for (const size of SIZES) await flaskImage('ready', size);
    const image = await flaskImage('ready');
    const { info } = service.daemon;
    const template = (size: number): string => join(service.config.dataDir, 'images', service.config.accountId, `flask-ready${size === 512 ? '' : `-${size}`}`, '1.0', 'template');
    const bench: Bench = { info, engine: createQemuEngine({ ...guest, runDir }), links, template };
    console.log(`\n${info.vmm}; ${info.reason}`);
    report('resume → first HTTP 200 / launch → first HTTP 200', await resumes(service, image), RESUME_BOUND);
    report('suspend of a guest of 32 GiB / of 2 GiB', await flat(bench), FLAT_BOUND);
    for (const size of SIZES) report(`suspend / migrate, guest of ${size * 4} MiB`, await migrations(bench, size), SUSPEND_BOUND);
  } finally {
    await links.close();
    await rm(runDir, { recursive: true });
    await closeShared();
  }
}

function report(what: string, ratio: number, bound: number): void {
  console.log(`${what}: ratio of medians ${ratio.toFixed(3)} (at most ${bound} is promised)`);
  if (!(ratio <= bound)) process.exitCode = 1;
}

async function resumes(service: Service, image: string): Promise<number> {
  const launched: number[] = [];
  const resumed: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    await settle();
    const launch = await timed(async () => {
      const vm = await runVm(service, image);
      await ok(vm);
      return vm;
    });
    const vm = launch.result;
    await vm.suspend();
    await settle();
    const resume = await timed(() => ok(vm));
    await vm.terminate();
    if (round < 0) continue;
    launched.push(launch.ms);
    resumed.push(resume.ms);
  }
  return compared('RunMicrovm → first HTTP 200', launched, 'request to a suspended MicroVM → HTTP 200', resumed);
}

async function ok(vm: Awaited<ReturnType<typeof runVm>>): Promise<void> {
  const answer = await vm.http.send('/');
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.body}`);
}

/** Median cost of the largest guest over that of the smallest. */
async function flat(bench: Bench): Promise<number> {
  const times = new Map<number, number[]>(SIZES.map((size) => [size, []]));
  const dirtied = new Map<number, number[]>(SIZES.map((size) => [size, []]));
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const size of SIZES) {
      const { ms, dirtyPages } = await ourSuspend(bench, size);
      if (round < 0) continue;
      times.get(size)?.push(ms);
      dirtied.get(size)?.push((dirtyPages * 4096) / 1e6);
    }
  }
  const medians = SIZES.map((size) => {
    console.log(row(`pages dirtied, guest of ${size * 4} MiB`, summarise(dirtied.get(size) ?? []), 'MB', 1));
    return shown(`suspend, guest of ${size * 4} MiB`, times.get(size) ?? []).median;
  });
  return (medians.at(-1) ?? Number.NaN) / (medians[0] ?? Number.NaN);
}

async function migrations(bench: Bench, size: number): Promise<number> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = -1; round < (MIGRATIONS[size] ?? 0); round++) {
    const migrated = await qemuMigrate(bench, size);
    const { ms } = await ourSuspend(bench, size);
    if (round < 0) continue; // it reads the template's holes into the page cache
    theirs.push(migrated);
    ours.push(ms);
  }
  return compared(`QEMU's migrate to a file, guest of ${size * 4} MiB`, theirs, `suspend, guest of ${size * 4} MiB`, ours);
}

/** What one side left to be written must not be in the way of the other. */
const quietDisk = (): Promise<unknown> => promisify(execFile)('sync');

/** From a running clone to files on stable storage and a VMM that is gone. */
async function ourSuspend({ engine, links, template }: Bench, size: number): Promise<{ ms: number; dirtyPages: number }> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-bench-'));
  const link = await links.acquire({ egress: INTERNET });
  try {
    const vm = await engine.launch({ id: `bench-${size}`, template: template(size), link, dir });
    try {
      await use(link);
      await quietDisk();
      const { ms, result } = await timed(() => vm.suspend());
      return { ms, dirtyPages: result.dirtyPages };
    } finally {
      await vm.stop();
    }
  } finally {
    await link.release();
    await rm(dir, { recursive: true });
  }
}

/** From a running clone to a file with all of its memory, in the page cache. */
async function qemuMigrate({ info, links, template }: Bench, size: number): Promise<number> {
  const link = await links.acquire({ egress: INTERNET });
  try {
    const vmm = await startBare(info, template(size), link, { sandbox: false });
    try {
      await use(link);
      await quietDisk();
      const { qmp } = vmm;
      const target = join(vmm.dir, 'migrated');
      await qmp.command('migrate-set-parameters', { 'max-bandwidth': 2 ** 40 }); // the default is 128 MiB/s
      const { ms } = await timed(async () => {
        await qmp.command('stop');
        await qmp.command('migrate', { uri: `exec:cat >${target}` });
        for (let status = 'setup'; status !== 'completed'; ) {
          const answer = await qmp.command('query-migrate');
          if (answer.status === 'failed') throw new Error(`migrate: ${answer['error-desc'] ?? ''}`);
          status = answer.status;
          if (status !== 'completed') await sleep(2);
        }
      });
      if ((await stat(target)).size < 16 * 1024 * 1024) throw new Error('migrate wrote next to nothing');
      return ms;
    } finally {
      await vmm.end();
    }
  } finally {
    await link.release();
  }
}

/** What every clone of this bench has done before it is suspended or migrated. */
async function use(link: Link): Promise<void> {
  await createGuestAgent((signal) => dialGuest(link.host, GUEST_NET.agentPort, signal)).wake({ hostname: 'bench' });
  await firstAnswer(link.host, PORT);
}

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const started = performance.now();
  const result = await work();
  return { ms: performance.now() - started, result };
}

function shown(name: string, values: readonly number[]): Series {
  const series = summarise(values);
  console.log(row(name, series, 'ms'));
  return series;
}

/** Prints both and answers the second's median over the first's. */
function compared(floorName: string, floor: readonly number[], name: string, values: readonly number[]): number {
  const base = shown(floorName, floor);
  return shown(name, values).median / base.median;
}

/** Lets what the last step left (namespaces being removed, links being made) finish before the next is timed. */
function settle(): Promise<void> {
  return sleep(1000);
}
