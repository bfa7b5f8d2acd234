/** One container build: a clone of the builder's template, the context in, a disk and a config out. */
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PassThrough } from 'node:stream';
import { z } from 'zod';
import { Fault, messageOf } from '../errors/index.js';
import type { ExecSpec, GuestAgent } from '../guest/contracts.js';
import { type BuiltContainer, type ContainerBuilder, type ContainerBuildRequest, ContainerBuildError, type ContainerConfig } from './contracts.js';
import { copiedDisk } from './disks.js';
import type { LayerCaches } from './layer-cache.js';
import { BUILD_SCRIPT, BUILDER_DEVICES, EXIT, INSPECT_COMMAND, USED_SCRIPT } from './script.js';
import type { BuilderHost } from './template.js';

export interface BuilderFiles {
  /** Its folder. */
  readonly template: string;
  /** The managed base's file system. */
  readonly base: string;
}

/** The cache begins anew when its layers fill this share of what may be kept: a build needs room for its own. */
const CACHE_FULL = 0.75;

export function createContainerBuilder(host: BuilderHost, { template, base }: BuilderFiles, caches: LayerCaches): ContainerBuilder {
  return {
    build: async (request) => {
      const disk = join(request.dir, 'disk.raw');
      await copiedDisk(base, disk);
      const cache = await caches.lease(request.accountId, request.dir);
      const outcome: Outcome = { cacheIsWhole: false };
      try {
        return await inBuilderVm(host, template, request, { output: disk, cache: cache.path }, (agent) => buildIn(agent, request, disk, Math.floor(caches.maxBytes * CACHE_FULL), outcome));
      } finally {
        await (outcome.cacheIsWhole ? cache.keep() : cache.drop());
      }
    },
  };
}

interface Outcome {
  cacheIsWhole: boolean;
}

async function inBuilderVm<T>(host: BuilderHost, template: string, { id, dir, network, signal }: ContainerBuildRequest, disks: { readonly output: string; readonly cache: string }, work: (agent: GuestAgent) => Promise<T>): Promise<T> {
  const link = await host.links.acquire(network);
  try {
    const vm = await host.engine.launch({ id, template, link, dir, disks: { 1: { path: disks.output, format: 'raw' }, 2: { path: disks.cache, format: 'raw' } } });
    try {
      const agent = host.agentFor(vm);
      await agent.waitUntilUp(signal);
      await agent.wake({ hostname: 'builder' });
      return await work(agent);
    } finally {
      await vm.stop();
    }
  } finally {
    await link.release();
  }
}

async function buildIn(agent: GuestAgent, request: ContainerBuildRequest, disk: string, cacheBytes: number, outcome: Outcome): Promise<BuiltContainer> {
  await sendContext(agent, request);
  const lines = new LineSplitter(request.onLine);
  const result = await agent.exec(inBuilder({ args: ['sh', '-c', BUILD_SCRIPT, 'build', String(request.diskGiB), String(cacheBytes)], onStdout: lines.push, onStderr: lines.push, signal: request.signal }));
  lines.end();
  outcome.cacheIsWhole = (result.code === 0 || result.code === EXIT.dockerfile) && !lines.sawDiskFull;
  if (result.code !== 0 && lines.sawDiskFull) throw new ContainerBuildError('DISK_STORAGE_FULL', `The container's files do not fit on its disk of ${request.diskGiB} GiB.`);
  if (result.code === EXIT.dockerfile) throw new ContainerBuildError('CONTAINER_BUILD_FAILED', `The container image build failed.${lines.last === '' ? '' : ` Last line: ${lines.last}`}`);
  if (result.code !== 0) throw new Fault(`the build script ended with exit code ${result.code}: ${lines.last}`);
  const config = parseConfig(await capture(agent, INSPECT_COMMAND, request.signal));
  const used = Number((await capture(agent, ['sh', '-c', USED_SCRIPT], request.signal)).trim());
  await agent.unmountAll();
  await truncate(disk, request.diskGiB * 1024 ** 3);
  return { disk, config, installBytes: Number.isFinite(used) ? used : 0 };
}

const inBuilder = (spec: Omit<ExecSpec, 'root'>): ExecSpec => ({
  cwd: '/',
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', TMPDIR: '/var/tmp' },
  ...spec,
  root: { kind: 'device', device: BUILDER_DEVICES.root },
});

async function sendContext(agent: GuestAgent, request: ContainerBuildRequest): Promise<void> {
  const stdin = new PassThrough();
  const errors: string[] = [];
  // A context that fails to arrive (a corrupt zip, say) must surface as that, not as tar's complaint.
  const [sent, unpacked] = await Promise.allSettled([
    pipeline(request.context, stdin),
    agent.exec(inBuilder({ args: ['tar', '-x', '-f', '-', '-C', '/context', '--no-same-owner'], stdin, onStderr: (chunk) => errors.push(chunk.toString()), signal: request.signal })),
  ]);
  if (sent.status === 'rejected') throw sent.reason;
  if (unpacked.status === 'rejected') throw unpacked.reason;
  if (unpacked.value.code !== 0) throw new Fault(`unpacking the build context in the builder failed: ${errors.join('').slice(-500)}`);
}

/** Output of a builder's own command; the guest may be hostile by now, so it is capped. */
async function capture(agent: GuestAgent, args: readonly string[], signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const onStdout = (chunk: Buffer): void => {
    size += chunk.length;
    if (size <= MAX_CAPTURE) chunks.push(chunk);
  };
  const result = await agent.exec(inBuilder({ args, onStdout, signal }));
  if (result.code !== 0 || size > MAX_CAPTURE) throw new Fault(`"${args.join(' ')}" in the builder: exit code ${result.code}, ${size} bytes`);
  return Buffer.concat(chunks).toString('utf8');
}

const MAX_CAPTURE = 1024 * 1024;
const MAX_LINE = 16 * 1024;

const inspected = z.object({
  OCIv1: z.object({
    config: z.object({
      Entrypoint: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      Env: z.array(z.string()).nullish(),
      WorkingDir: z.string().nullish(),
      User: z.string().nullish(),
      StopSignal: z.string().nullish(),
    }),
  }),
});

function parseConfig(text: string): ContainerConfig {
  let config: z.infer<typeof inspected>['OCIv1']['config'];
  try {
    config = inspected.parse(JSON.parse(text)).OCIv1.config;
  } catch (error) {
    throw new Fault(`the built image's config is unreadable: ${messageOf(error)}`);
  }
  return {
    entrypoint: config.Entrypoint ?? [],
    cmd: config.Cmd ?? [],
    env: Object.fromEntries((config.Env ?? []).map((pair) => [pair.slice(0, Math.max(0, pair.indexOf('='))), pair.slice(pair.indexOf('=') + 1)])),
    workdir: config.WorkingDir || '/',
    user: config.User ?? '',
    stopSignal: config.StopSignal || 'SIGTERM',
  };
}

/** Chunks to lines; an endless line is cut. */
class LineSplitter {
  last = '';
  sawDiskFull = false;
  #rest = '';

  constructor(private readonly onLine: (line: string) => void) {}

  readonly push = (chunk: Buffer): void => {
    const lines = (this.#rest + chunk.toString('utf8')).split(/\r?\n|\r/);
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    for (const line of lines) this.#emit(line);
  };

  end(): void {
    if (this.#rest !== '') this.#emit(this.#rest);
    this.#rest = '';
  }

  #emit(line: string): void {
    const text = line.slice(0, MAX_LINE);
    if (text.trim() !== '') this.last = text;
    this.sawDiskFull ||= /no space left on device/i.test(text);
    this.onLine(text);
  }
}
