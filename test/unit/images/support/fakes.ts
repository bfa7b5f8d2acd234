/** The layers around images, faked: each counts what it hands out, and each may be told to misbehave. */
import { EventEmitter } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ObjectReader } from '../../../../src/aws/contracts.js';
import type { ContainerBuilder, ContainerBuildRequest, ContainerConfig } from '../../../../src/builder/contracts.js';
import type { BootSpec, LaunchSpec, TemplateInfo, Vm, VmExit } from '../../../../src/engine/contracts.js';
import type { ContainerSpec, GuestAgent, GuestEvents, WakeSpec } from '../../../../src/guest/contracts.js';
import type { HookCall, HookOutcome } from '../../../../src/hooks/contracts.js';
import type { Link, LinkOptions } from '../../../../src/network/contracts.js';
import type { AppLog } from '../../../../src/logs/contracts.js';
import { rawZip } from './raw-zip.js';

export const CONFIG: ContainerConfig = { entrypoint: ['python3'], cmd: ['app.py'], env: { LANG: 'C', SHARED: 'image' }, workdir: '/app', user: '', stopSignal: 'SIGTERM' };
export const TEMPLATE: TemplateInfo = { memoryBytes: 100_000, diskBytes: 20_000, deviceStateBytes: 63_000 };

export class FakeVm implements Vm {
  readonly pid = 1;
  live = true;
  stops = 0;
  readonly exited: Promise<VmExit>;
  private end: (exit: VmExit) => void = () => undefined;

  constructor(
    readonly id: string,
    private readonly world: Fakes,
  ) {
    this.exited = new Promise((resolve) => (this.end = resolve));
  }

  crash(detail: string): void {
    this.live = false;
    this.end({ code: 1, signal: null, cause: 'vmm', detail });
  }

  dial(): Promise<never> {
    return Promise.reject(new Error('the agent is faked'));
  }

  async snapshot(target: string): Promise<TemplateInfo> {
    this.world.events.push(`snapshot ${this.id.split('-')[0] ?? ''}`);
    if (this.world.agents.get(this)?.following === true) throw new Error('a connection was open during the snapshot');
    if ((await readdir(target)).length > 0) throw new Error('the template folder is not empty');
    await this.world.snapshot();
    await writeFile(join(target, 'ram'), 'memory');
    this.crash('ended by snapshot');
    return TEMPLATE;
  }

  check(): Promise<never> {
    return Promise.reject(new Error('not part of a build'));
  }

  onTrouble(): void {
    // A build does not listen: its own time limit ends what waits.
  }

  settle(): Promise<never> {
    return Promise.reject(new Error('not part of a build'));
  }

  detach(): void {
    throw new Error('not part of a build');
  }

  suspend(): Promise<never> {
    return Promise.reject(new Error('not part of a build'));
  }

  stop(): Promise<void> {
    this.stops++;
    this.crash('stopped');
    return this.world.failStop ? Promise.reject(new Error('the VMM does not die')) : Promise.resolve();
  }

  stats(): Promise<never> {
    return Promise.reject(new Error('not part of a build'));
  }
}

export class FakeAgent implements GuestAgent {
  following = false;
  started?: ContainerSpec;
  woken?: WakeSpec;
  private readonly app = new EventEmitter();
  private exitCode?: number;

  constructor(
    readonly vm: FakeVm,
    private readonly world: Fakes,
  ) {}

  /** The application ends. */
  exit(code: number): void {
    this.exitCode = code;
    this.app.emit('exit', code);
  }

  /** The connection with the events breaks. */
  breakOff(): void {
    this.app.emit('broken');
  }

  waitUntilUp(signal: AbortSignal): Promise<void> {
    return this.world.waitUntilUp(this, signal);
  }

  wake(spec: WakeSpec): Promise<void> {
    this.woken = spec;
    return Promise.resolve();
  }

  async start(spec: ContainerSpec): Promise<void> {
    this.started = spec;
    await this.world.start(this, spec);
  }

  dial(): Promise<PassThrough> {
    return Promise.resolve(new PassThrough());
  }

  exec(): Promise<never> {
    return Promise.reject(new Error('not part of a build'));
  }

  session(): Promise<never> {
    return Promise.reject(new Error('not part of a build'));
  }

  follow(afterSeq: number, events: GuestEvents): Promise<{ close(): void; ended: Promise<void> }> {
    this.following = true;
    this.world.events.push(`follow after ${afterSeq}`);
    for (const [index, text] of ['hello', 'listening'].entries()) {
      if (index + 1 > afterSeq) events.onLog({ seq: index + 1, time: 0, stream: index === 0 ? 'stdout' : 'stderr', text });
    }
    if (this.exitCode !== undefined) events.onExit(this.exitCode);
    this.app.on('exit', (code: number) => events.onExit(code));
    const ended = new Promise<void>((resolve) => {
      this.app.once('closed', resolve);
      this.app.once('broken', resolve);
    });
    return Promise.resolve({
      close: () => {
        this.following = false;
        this.app.emit('closed');
      },
      ended,
    });
  }

  status(): Promise<{ running: boolean; exitCode?: number }> {
    return Promise.resolve(this.exitCode === undefined ? { running: true } : { running: false, exitCode: this.exitCode });
  }

  stopApp(): Promise<void> {
    return Promise.resolve();
  }

  unmountAll(): Promise<void> {
    return Promise.resolve();
  }
}

export class Fakes {
  readonly events: string[] = [];
  readonly vms: FakeVm[] = [];
  readonly agents = new Map<Vm, FakeAgent>();
  readonly links: { options: LinkOptions; released: number }[] = [];
  readonly boots: BootSpec[] = [];
  readonly launches: LaunchSpec[] = [];
  readonly hookCalls: HookCall[] = [];
  readonly requests: ContainerBuildRequest[] = [];
  readonly contexts: Buffer[] = [];
  readonly logs = new Map<string, string[]>();
  failStop = false;
  openWriters = 0;

  zip: Buffer = rawZip([{ name: 'Dockerfile', data: 'FROM scratch\n' }, { name: 'app.py', data: 'print(1)\n' }]);
  open: ObjectReader['open'] = () => Promise.resolve({ size: this.zip.length, body: Readable.from([this.zip]) });
  snapshot: () => Promise<void> = () => Promise.resolve();
  waitUntilUp: (agent: FakeAgent, signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  start: (agent: FakeAgent, spec: ContainerSpec) => Promise<void> = () => Promise.resolve();
  hook: (call: HookCall, agent: FakeAgent) => Promise<HookOutcome> = () => Promise.resolve({ kind: 'ok' });
  boot: () => Promise<void> = () => Promise.resolve();
  run: (request: ContainerBuildRequest) => Promise<ContainerConfig> = () => Promise.resolve(CONFIG);

  readonly objects: ObjectReader = { open: (account, bucket, key) => this.open(account, bucket, key) };

  readonly builder: ContainerBuilder = {
    build: async (request) => {
      this.requests.push(request);
      if ((await readdir(request.dir)).length > 0) throw new Error('the builder folder is not empty');
      const config = await this.run(request);
      this.contexts.push(await buffer(request.context));
      request.onLine('STEP 1/1: FROM scratch');
      const disk = join(request.dir, 'out.raw');
      await writeFile(disk, 'ext4');
      return { disk, config, installBytes: 4242 };
    },
  };

  readonly engine = {
    boot: async (spec: BootSpec): Promise<Vm> => {
      this.boots.push(spec);
      await writeFile(join(spec.dir, 'ram'), 'memory');
      await this.boot();
      return this.vm(spec.id);
    },
    launch: async (spec: LaunchSpec): Promise<Vm> => {
      this.launches.push(spec);
      await mkdir(join(spec.dir, 'overlay'));
      return this.vm(spec.id);
    },
  };

  readonly linkPool = {
    acquire: (options: LinkOptions): Promise<Link> => {
      const link = { options, released: 0 };
      this.links.push(link);
      return Promise.resolve({
        netnsPath: '/run/netns/x', tap: 'tap0', guestMac: '02:54:44:47:00:02', host: '198.18.0.1', expect: () => Promise.resolve(),
        release: () => {
          link.released++;
          return Promise.resolve();
        },
      });
    },
  };

  readonly agentFor = (vm: Vm): GuestAgent => this.agent(vm);

  readonly callHook = async (agent: Pick<GuestAgent, 'dial'>, call: HookCall): Promise<HookOutcome> => {
    this.hookCalls.push(call);
    (await agent.dial(call.port, call.signal)).destroy();
    const last = this.vms.at(-1);
    if (last === undefined) throw new Error('no VM');
    return this.hook(call, this.agent(last));
  };

  readonly appLog: AppLog = {
    stream: (_accountId, group, name) => {
      const key = `${group} ${name}`;
      const lines = this.logs.get(key) ?? [];
      this.logs.set(key, lines);
      this.openWriters++;
      let open = true;
      return {
        write: (_time, text) => {
          if (!open) throw new Error(`written after close: ${text}`);
          lines.push(text);
        },
        close: () => {
          if (open) this.openWriters--;
          open = false;
          return Promise.resolve();
        },
      };
    },
  };

  /** Everything written, over all streams. */
  lines(): string[] {
    return [...this.logs.values()].flat();
  }

  private vm(id: string): Vm {
    const vm = new FakeVm(id, this);
    this.vms.push(vm);
    return vm;
  }

  private agent(vm: Vm): FakeAgent {
    if (!(vm instanceof FakeVm)) throw new Error('not a VM of this fake');
    const known = this.agents.get(vm) ?? new FakeAgent(vm, this);
    this.agents.set(vm, known);
    return known;
  }
}
