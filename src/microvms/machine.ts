import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Vm } from '../engine/contracts.js';
import { Fault, messageOf } from '../errors/index.js';
import type { GuestAgent, LogLine } from '../guest/contracts.js';
import type { LogWriter } from '../logs/contracts.js';
import type { Link } from '../network/contracts.js';
import type { MicrovmRecord } from '../store/contracts.js';
import { openLog } from './app-log.js';
import { reachesInternet } from './connectors.js';
import type { MicrovmDeps } from './deps.js';
import { Follower } from './follower.js';
import { Sessions } from './sessions.js';

export interface MachineEvents {
  /** The application's main process ended. */
  appExited(code: number): void;
  /** The VMM ended though nobody asked it to. */
  vmmExited(detail: string): void;
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
  #link: Link | undefined;
  #running: { readonly vm: Vm; readonly agent: GuestAgent } | undefined;
  /** The VMM's exit is ours: do not report it. */
  #leaving = false;
  #gone: string | undefined;
  #appAlive = false;
  #follower: Follower | undefined;
  #log: LogWriter | undefined;
  #lastSeq = 0;
  #since = 0;

  /** `record`: as at its creation; only members that never change are used. */
  constructor(
    readonly record: Omit<MicrovmRecord, 'state' | 'stateReason' | 'suspendedAt' | 'terminatedAt' | 'resumeOnStart'>,
    readonly deps: MicrovmDeps,
    readonly events: MachineEvents,
  ) {
    this.dir = join(microvmsDir(deps.dataDir), record.id);
  }

  /** The agent of the running guest. */
  get agent(): GuestAgent {
    if (this.#running === undefined) throw new Fault(`MicroVM ${this.record.id} has no running guest`);
    return this.#running.agent;
  }

  get appAlive(): boolean {
    return this.#running !== undefined && this.#appAlive;
  }

  async makeDir(): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
  }

  async acquireLink(): Promise<Link> {
    this.#link = await this.deps.links.acquire({ internet: reachesInternet(this.record) });
    return this.#link;
  }

  async releaseLink(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    if (link !== undefined) await this.#attempt('release the network of', () => link.release());
  }

  /** Takes the VM over from the engine. */
  adopt(vm: Vm): void {
    const running = { vm, agent: this.deps.agentFor(vm) };
    this.#running = running;
    this.#leaving = false;
    this.#gone = undefined;
    this.#appAlive = true;
    void vm.exited.then((exit) => {
      if (this.#running !== running) return;
      this.#gone = exit.detail;
      this.#appAlive = false;
      if (!this.#leaving) this.events.vmmExited(exit.detail);
    });
  }

  /**
   * Copies the application's output into the log, from the line after the last one seen. When none was seen yet, lines
   * older than `since` (ms since 1970, by the guest's clock) are left out: they are the template's, or logged before.
   */
  follow(since: number): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#since = since;
    const floor = this.#lastSeq > 0 ? 0 : since;
    const log = (this.#log ??= openLog(this.deps, this.record));
    const onLog = (line: LogLine): void => {
      this.#lastSeq = Math.max(this.#lastSeq, line.seq);
      if (line.time >= floor) log.write(line.time, line.text);
    };
    const onExit = (code: number): void => {
      if (this.#running !== running) return;
      this.#appAlive = false;
      this.events.appExited(code);
    };
    this.#follower = new Follower(running.agent, { onLog, onExit }, () => this.#lastSeq, this.deps.clock, this.deps.logger);
  }

  /** Writes the suspension and ends the VMM. Rejects when the engine could not; the guest then runs on, or has died. */
  async checkpoint(): Promise<void> {
    const running = this.#running;
    if (running === undefined) throw new Fault(`MicroVM ${this.record.id} has no running guest to suspend`);
    // A connection open across the suspension would stay half-open in the guest for good.
    this.#unfollow();
    this.sessions.drop('suspended');
    this.#leaving = true;
    try {
      await running.vm.suspend();
      this.#running = undefined;
    } catch (error) {
      this.#leaving = false;
      if (this.#gone !== undefined) this.events.vmmExited(this.#gone);
      else this.follow(this.#since);
      throw error;
    }
    await this.#closeLog();
  }

  /** Ends the VMM if there is one, lets go of everything but the folder. Never rejects: what fails is logged. */
  async release(): Promise<void> {
    this.#unfollow();
    this.sessions.drop('terminated');
    this.#leaving = true;
    const running = this.#running;
    if (running !== undefined) await this.#attempt('stop', () => running.vm.stop());
    this.#running = undefined;
    await this.releaseLink();
    await this.#closeLog();
  }

  async removeDir(): Promise<void> {
    await this.#attempt('remove the folder of', () => rm(this.dir, { recursive: true, force: true }));
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
      this.deps.logger.error({ microvm: this.record.id, error: messageOf(error) }, `could not ${what} a MicroVM`);
    }
  }
}
