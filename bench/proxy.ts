/**
 * The endpoint (TLS, token, one MicroVM) against Debian's nginx as TLS reverse proxy: the same upstream on this host, the
 * same CPU for the proxy, another one for upstream and generator, in turn, in one run. Rates with 64 connections, latency
 * with one, against the upstream alone. The same through a MicroVM is reported beside them.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LABEL, type Ready } from './proxy/protocol.js';
import { cpuSeconds } from './proxy/cpu.js';
import { freePort, startNginx, tlsProxy, upstreamServer } from './proxy/nginx.js';
import { throughVm } from './proxy/vm.js';
import { wrk, type Outcome } from './proxy/wrk.js';
import { row, summarise } from './statistics.js';

/** BENCH_ROUNDS; BENCH_VM=0 leaves the MicroVM out; BENCH_NODE_FLAGS go to the endpoint's node, to profile it. */
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7);
const SECONDS = 2;
const CONNECTIONS = 64;
const PROXY_CPU = 0;
const LOAD_CPU = 1;
const WANTED_RATIO = 0.5;
const WANTED_ADDED_MS = 0.3;

interface Measured extends Outcome {
  /** Requests for each second of CPU time of the proxy: what one core does, also where other work takes part of it. */
  readonly perCpuSecond: number;
}

type Side = (connections: number, seconds: number) => Promise<Measured>;

export default async function run(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'tardigrade-bench-'));
  const stops: (() => Promise<void>)[] = [() => rm(dir, { recursive: true, force: true })];
  try {
    await needs(['nginx', 'wrk'], ['nginx-light', 'wrk']);
    const [upstreamPort, nginxPort] = [await freePort(), await freePort()];
    const endpoint = await startEndpoint(dir, upstreamPort, stops);
    const upstream = await startNginx(join(dir, 'upstream'), LOAD_CPU, upstreamPort, upstreamServer(upstreamPort));
    stops.push(upstream.stop);
    const certificate = [join(dir, 'keys/endpoint.pem'), join(dir, 'keys/endpoint.key')] as const;
    const proxy = await startNginx(join(dir, 'proxy'), PROXY_CPU, nginxPort, tlsProxy(nginxPort, upstreamPort, ...certificate));
    stops.push(proxy.stop);

    const hosts = join(dir, 'hosts');
    await writeFile(hosts, `127.0.0.1 localhost ${LABEL}.microvm.localhost\n`);
    const headers = { Host: `${LABEL}.microvm.localhost`, 'X-aws-proxy-auth': endpoint.token };
    const side = (url: string, pid: number): Side => async (connections, seconds) => {
      const before = await cpuSeconds(pid);
      const outcome = await wrk({ url, headers, connections, seconds, cpu: LOAD_CPU, hosts });
      return { ...outcome, perCpuSecond: (outcome.perSecond * seconds) / ((await cpuSeconds(pid)) - before) };
    };
    const ours = side(`https://${LABEL}.microvm.localhost:${endpoint.port}/`, endpoint.pid);
    const nginx = side(`https://localhost:${nginxPort}/`, proxy.pid);
    const direct = side(`http://127.0.0.1:${upstreamPort}/`, upstream.pid);

    for (const warm of [ours, nginx]) await warm(CONNECTIONS, SECONDS * 2);
    const [a, b] = await alternate([ours, nginx], CONNECTIONS);
    report('endpoint, 64 connections', a);
    report('nginx, 64 connections', b);
    const ratioOf = (of: 'perSecond' | 'perCpuSecond') => summarise(a.map((outcome, i) => outcome[of] / (b[i]?.[of] ?? Number.NaN)));
    const ratios = ratioOf('perSecond');
    console.log(row('ratio of rates, pair by pair', ratios, '', 2));
    console.log(row('ratio for the same CPU time, pair by pair', ratioOf('perCpuSecond'), '', 2));

    const [one, other, bare] = await alternate([ours, nginx, direct], 1);
    report('endpoint, one connection', one);
    report('nginx, one connection', other);
    report('upstream alone, one connection', bare);
    const added = (series: readonly Measured[], of: 'p50Ms' | 'p99Ms') => summarise(series.map((outcome, i) => outcome[of] - (bare[i]?.[of] ?? Number.NaN)));
    const p50 = added(one, 'p50Ms');
    console.log(row('added by the endpoint, p50', p50, 'ms', 3));
    console.log(row('added by the endpoint, p99', added(one, 'p99Ms'), 'ms', 3));
    console.log(row('added by nginx, p50', added(other, 'p50Ms'), 'ms', 3));
    console.log(row('added by nginx, p99', added(other, 'p99Ms'), 'ms', 3));

    if (process.env['BENCH_VM'] !== '0') await throughVm(dir, LOAD_CPU);
    console.log(`on one core ${ratios.median.toFixed(2)} of nginx's rate (at least ${WANTED_RATIO}), p50 ${p50.median.toFixed(3)} ms added (at most ${WANTED_ADDED_MS})`);
    if (!(ratios.median >= WANTED_RATIO && p50.median <= WANTED_ADDED_MS)) process.exitCode = 1;
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

async function startEndpoint(dir: string, upstreamPort: number, stops: (() => Promise<void>)[]): Promise<Ready & { pid: number }> {
  const script = new URL('proxy/endpoint.ts', import.meta.url).pathname;
  const flags = (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter(Boolean);
  const child = spawn('taskset', ['-c', String(PROXY_CPU), process.execPath, ...flags, '--import', 'tsx', script, dir, String(upstreamPort)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  stops.push(async () => {
    if (child.exitCode !== null) return;
    child.disconnect();
    await once(child, 'exit');
  });
  const [ready] = (await Promise.race([once(child, 'message'), once(child, 'exit').then(() => Promise.reject(new Error('the endpoint ended early')))])) as [Ready];
  return { ...ready, pid: child.pid ?? 0 };
}

/** Each side in turn, the order turned round by round. */
async function alternate(sides: readonly Side[], connections: number): Promise<[Measured[], Measured[], Measured[]]> {
  const results: [Measured[], Measured[], Measured[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const order = sides.map((_side, i) => (i + round) % sides.length);
    for (const i of order) results[i as 0 | 1 | 2].push(await (sides[i] as Side)(connections, SECONDS));
  }
  return results;
}

function report(name: string, outcomes: readonly Measured[]): void {
  console.log(row(name, summarise(outcomes.map(({ perSecond }) => perSecond)), '/s'));
  console.log(row('  for each second of its CPU time', summarise(outcomes.map(({ perCpuSecond }) => perCpuSecond)), ''));
  console.log(row('  p50', summarise(outcomes.map(({ p50Ms }) => p50Ms)), 'ms', 3));
  console.log(row('  p99', summarise(outcomes.map(({ p99Ms }) => p99Ms)), 'ms', 3));
}

/** Debian's packages, installed when a program is missing. */
async function needs(programs: readonly string[], packages: readonly string[]): Promise<void> {
  const execute = promisify(execFile);
  const missing = await execute('which', programs).then(() => false, () => true);
  if (missing) await execute('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
}
