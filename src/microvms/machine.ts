import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Vm, VmExit, VmTrouble } from '../engine/contracts.js';
import { Fault, messageOf } from '../errors/index.js';
import type { GuestAgent, LogLine } from '../guest/contracts.js';
import type { LogWriter } from '../logs/contracts.js';
import type { Link, LinkOptions } from '../network/contracts.js';
import type { MicrovmRecord } from '../store/contracts.js';
import { openLog } from './app-log.js';
import type { MicrovmDeps } from './deps.js';
import { Follower } from './follower.js';
import { Sessions } from './sessions.js';
import { LogPosition } from './log-position.js';

export interface MachineEvents {
  /** The application's main process ended. */
  appExited(code: number): void;
  /** The VMM ended though nobody asked it to. */
  vmmExited(exit: VmExit): void;
  troubled(trouble: VmTrouble): void;
}

export function microvmsDir(dataDir: string): string {
  return join(dataDir, 'microvms');
}

/**
 * All a MicroVM holds on this host: folder, link, VMM, connection to the agent, log. It is their one owner; whatever
 * step fails, {@link release} lets go of what there is.
 */
export class Machine {
  readonly dir: string;
  readonly sessions = new Sessions();
  readonly #position: LogPosition;
  #link: Link | undefined;
  #running: { readonly vm: Vm; readonly agent: GuestAgent; readonly ended: AbortController } | undefined;
  /** The VMM's exit is ours: do not report it. */
  #leaving = false;
  #gone: VmExit | undefined;
  #appAlive = false;
  #follower: Follower | undefined;
  #log: LogWriter | undefined;
  readonly #streams = new Set<Duplex>();
  /** The guest's run may still be undone: where the log was before it. */
  #undoTo: number | undefined;

  /** `record`: as at its creation; only members that never change are used. */
  constructor(
    readonly record: Omit<MicrovmRecord, 'state' | 'stateReason' | 'suspendedAt' | 'lastActivity' | 'terminatedAt' | 'resumeOnStart'>,
    readonly deps: MicrovmDeps,
    readonly events: MachineEvents,
  ) {
    this.dir = join(microvmsDir(deps.dataDir), record.id);
    this.#position = new LogPosition(this.dir, deps.clock, (error) => this.#complain('note the log position of', error));
  }

  /** The agent of the running guest. */
  get agent(): GuestAgent {
    if (this.#running === undefined) throw new Fault(`MicroVM ${this.record.id} has no running guest`);
    return this.#running.agent;
  }

  /** Aborts when the VMM has ended, whoever ended it: what waits for the guest then waits in vain. */
  get ended(): AbortSignal {
    return this.#running?.ended.signal ?? AbortSignal.abort(new Fault(`MicroVM ${this.record.id} has no running guest`));
  }

  get appAlive(): boolean {
    return this.#running !== undefined && this.#appAlive;
  }

  /** Address its guest's packets come from on the host, while it has a network. */
  get address(): string | undefined {
    return this.#link?.host;
  }

  /**
   * Takes note of a stream to the guest, which is ended with it: its other end goes with the guest's network, and
   * nothing would ever say so. false: that guest is gone or going.
   */
  owns(agent: GuestAgent, stream: Duplex): boolean {
    if (this.#running?.agent !== agent || this.#leaving) return false;
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
    return true;
  }

  /** Empty, without what an earlier try left. */
  async makeDir(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    await this.deps.vault?.protect(this.record.accountId, this.dir);
  }

  async acquireLink(): Promise<Link> {
    this.#link = await this.deps.links.acquire(this.#linkOptions());
    return this.#link;
  }

  /** Connectors are the ones it was run with; what they open may have changed since. */
  #linkOptions(): LinkOptions {
    const { id, accountId, egressNetworkConnectors } = this.record;
    return { egress: this.deps.connectors.egressOf(accountId, egressNetworkConnectors), user: { id, accountId } };
  }

  async releaseLink(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    if (link !== undefined) await this.#attempt('release the network of', () => link.release());
  }

  /** The VM that an earlier daemon left running. false: there is none. */
  async takeOver(template: string): Promise<boolean> {
    const adopted = await this.deps.engine.adopt({ id: this.record.id, template, dir: this.dir, linkAt: (path) => (this.#link ??= this.deps.links.adopt(path, this.#linkOptions())) });
    await this.#position.load();
    if (adopted === undefined) {
      await this.releaseLink();
      return false;
    }
    this.adopt(adopted.vm);
    return true;
  }

  /** Takes the VM over from the engine. */
  adopt(vm: Vm): void {
    const running = { vm, agent: this.deps.agentFor(vm), ended: new AbortController() };
    this.#running = running;
    this.#leaving = false;
    this.#gone = undefined;
    this.#appAlive = true;
    vm.onTrouble((trouble) => this.events.troubled(trouble));
    void vm.exited.then((exit) => {
      running.ended.abort(new Fault(`the VMM of MicroVM ${this.record.id} has ended`));
      if (this.#running !== running) return;
      this.#gone = exit;
      this.#appAlive = false;
      if (!this.#leaving) this.events.vmmExited(exit);
    });
  }

  /** It is RUNNING: what it uses counts. */
  meter(): void {
    if (this.#running !== undefined) this.deps.usage?.running(this.record, this.#running.vm.pid);
  }

  /**
   * Copies the application's output into the log, from the line after the last one seen. Lines older than the
   * MicroVM, by the guest's clock, are left out: they are the template's.
   */
  follow(): void {
    const running = this.#running;
    if (running === undefined) return;
    const floor = this.#position.seq > 0 ? 0 : this.record.startedAt;
    const log = (this.#log ??= openLog(this.deps, this.record));
    const onLog = (line: LogLine): void => {
      if (this.#undoTo === undefined) this.#position.note(line.seq);
      else this.#position.set(line.seq);
      if (line.time >= floor) log.write(line.time, line.text);
    };
    const onExit = (code: number): void => {
      if (this.#running !== running) return;
      this.#appAlive = false;
      this.events.appExited(code);
    };
    this.#follower = new Follower(running.agent, { onLog, onExit }, () => this.#position.seq, this.deps.clock, this.deps.logger);
  }

  /** Rejects when the VMM has ended, also when nobody was told of it yet. */
  async check(): Promise<void> {
    await this.#running?.vm.check();
  }

  /** Before a resume, whose guest runs on trial until {@link settle}. */
  async beginTrial(): Promise<void> {
    if (this.#position.seq === 0) await this.#position.load(); // suspended under an earlier daemon
    this.#undoTo = this.#position.seq;
  }

  /** There is no way back to the suspension any more. What fails is logged: the next suspend does it again. */
  async settle(): Promise<void> {
    if (this.#undoTo !== this.#position.seq) this.#position.note(this.#position.seq);
    this.#undoTo = undefined;
    const running = this.#running;
    if (running !== undefined) await this.#attempt('give up the old suspension of', () => running.vm.settle());
  }

  /** Ends the guest as if it had not run. */
  async undo(): Promise<void> {
    const seq = this.#undoTo;
    this.#undoTo = undefined;
    await this.release();
    if (seq !== undefined) this.#position.set(seq);
  }

  /** Writes the suspension and ends the VMM. Rejects when the engine could not; the guest then runs on, or has died. */
  async checkpoint(): Promise<void> {
    const running = this.#running;
    if (running === undefined) throw new Fault(`MicroVM ${this.record.id} has no running guest to suspend`);
    // A connection open across the suspension would stay half-open in the guest for good.
    this.#unfollow();
    this.#leaving = true;
    this.#drop('suspended');
    try {
      await this.deps.usage?.leaving(this.record.id);
      const info = await running.vm.suspend();
      this.deps.metrics.suspended(info);
      this.deps.usage?.suspended(this.record.id, info.bytes);
      this.#running = undefined;
    } catch (error) {
      this.#leaving = false;
      if (this.#gone !== undefined) this.events.vmmExited(this.#gone);
      else this.follow();
      throw error;
    }
    await this.#closeLog();
    await this.#position.save();
  }

  /** Ends the VMM if there is one, lets go of everything but the folder. Never rejects: what fails is logged. */
  async release(): Promise<void> {
    this.#unfollow();
    this.#leaving = true;
    this.#drop('terminated');
    await this.#position.stop();
    const running = this.#running;
    if (running !== undefined) await this.deps.usage?.leaving(this.record.id);
    if (running !== undefined) await this.#attempt('stop', () => running.vm.stop());
    this.#running = undefined;
    await this.releaseLink();
    await this.#closeLog();
  }

  /** Lets go of everything and leaves it as it is, for the next daemon. */
  async detach(): Promise<void> {
    this.#unfollow();
    this.#leaving = true;
    this.#running?.vm.detach();
    await this.#closeLog();
    if (this.#running === undefined) await this.#position.stop();
    else await this.#position.save();
    this.#running = undefined;
    this.#link = undefined;
  }

  async removeDir(): Promise<void> {
    await this.#attempt('remove the folder of', () => rm(this.dir, { recursive: true, force: true }));
  }

  #drop(what: 'suspended' | 'terminated'): void {
    this.sessions.drop(what);
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  #unfollow(): void {
    this.#follower?.close();
    this.#follower = undefined;
  }

  async #closeLog(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    await log?.close();
  }

  /** For steps of a release: one that fails must not keep the next from being tried. */
  async #attempt(what: string, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#complain(what, error);
    }
  }

  #complain(what: string, error: unknown): void {
    this.deps.logger.error({ microvm: this.record.id, error: messageOf(error) }, `could not ${what} a MicroVM`);
  }
}
