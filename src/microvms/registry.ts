import { messageOf } from '../errors/index.js';
import type { MicrovmRecord } from '../store/contracts.js';
import { Actor } from './actor.js';
import type { MicrovmDeps } from './deps.js';
import { ActivityRecords } from './activity.js';
import type { Actors } from './gateway.js';
import type { LaunchTimelines } from './launch-timelines.js';
import { reasons } from './reasons.js';
import { Timers, type TimedEvent } from './timers.js';

/** All MicroVMs that are not terminated, and their timers. */
export class Registry implements Actors {
  readonly #byId = new Map<string, Actor>();
  readonly #byLabel = new Map<string, Actor>();
  readonly #timers: Timers;
  readonly #activity: ActivityRecords;

  constructor(
    readonly deps: MicrovmDeps,
    readonly launches: LaunchTimelines,
  ) {
    this.#timers = new Timers(deps.clock, (id, event) => this.#onTime(id, event));
    this.#activity = new ActivityRecords(deps, (id) => this.#byId.get(id)?.facts.lastActivity);
  }

  add(record: MicrovmRecord): Actor {
    const actor = new Actor(record, this.deps, (changed) => this.#onChange(changed));
    this.#byId.set(record.id, actor);
    this.#byLabel.set(record.endpointLabel, actor);
    this.#onChange(actor);
    return actor;
  }

  get(id: string): Actor | undefined {
    return this.#byId.get(id);
  }

  byLabel(label: string): Actor | undefined {
    return this.#byLabel.get(label);
  }

  /** Whose guest has this address on the host. */
  byAddress(address: string): Actor | undefined {
    for (const actor of this.#byId.values()) if (actor.machine.address === address) return actor;
    return undefined;
  }

  all(): Actor[] {
    return [...this.#byId.values()];
  }

  /** Nothing is suspended or ended by time any more. */
  stopTimers(): void {
    this.#timers.close();
    this.#activity.close();
  }

  /** Bytes moved through the endpoint of that MicroVM. */
  touch(id: string): void {
    const actor = this.#byId.get(id);
    if (actor === undefined) return;
    actor.touch();
    this.#activity.note(id);
  }

  /** A request waits until it runs. */
  waits(id: string): void {
    this.launches.waits(id);
  }

  #onChange(actor: Actor): void {
    const { id, endpointLabel } = actor.record;
    this.launches.changed(actor.record, actor.facts.resuming);
    if (actor.isOver) {
      this.launches.forget(id);
      this.#timers.disarm(id);
      this.#activity.forget(id);
      this.#byId.delete(id);
      this.#byLabel.delete(endpointLabel);
    } else {
      this.#timers.arm(id, () => actor.facts);
    }
  }

  #onTime(id: string, event: TimedEvent): void {
    const actor = this.#byId.get(id);
    if (actor === undefined) return;
    switch (event) {
      case 'idle':
        actor.suspend().catch((error: unknown) => {
          this.deps.logger.info({ microvm: id, error: messageOf(error) }, 'an idle MicroVM was not suspended');
        });
        return;
      case 'lifetimeOver':
        return actor.end('lifetimeOver', reasons.lifetimeOver);
      case 'suspendedTooLong':
        return actor.end('suspendedTooLong', reasons.suspendedTooLong);
    }
  }
}
