/** What one MicroVM may use of the endpoint: connections and bytes per second (spec §5.7). */
import type { Duplex } from 'node:stream';
import type { MicrovmRecord } from '../store/contracts.js';
import type { Pace } from './flow.js';
import { LruMap } from './lru-map.js';

export interface VmLimit {
  /** Connections of clients at once. */
  readonly connections?: number | undefined;
  /** Both ways together. */
  readonly bytesPerSecond?: number | undefined;
}

export type VmLimitOf = (microvm: MicrovmRecord) => VmLimit;

/** A MicroVM that was quiet may send this much of its rate at once, ms. */
const BURST_MS = 250;
const REMEMBERED = 16_384;

/** Counts connections of clients by the MicroVM their requests were admitted to. */
export class Connections {
  readonly #byVm = new Map<string, Set<Duplex>>();

  /** False when this would be one too many. A connection counts until it closes. */
  admit(microvmId: string, connection: Duplex, limit: number | undefined): boolean {
    let open = this.#byVm.get(microvmId);
    if (open?.has(connection) === true) return true;
    if (limit !== undefined && (open?.size ?? 0) >= limit) return false;
    if (open === undefined) this.#byVm.set(microvmId, (open = new Set()));
    open.add(connection);
    const counted = open;
    connection.once('close', () => {
      counted.delete(connection);
      if (counted.size === 0 && this.#byVm.get(microvmId) === counted) this.#byVm.delete(microvmId);
    });
    return true;
  }

  of(microvmId: string): number {
    return this.#byVm.get(microvmId)?.size ?? 0;
  }
}

/** A token bucket: what passes beyond it is waited for afterwards, so nothing is ever refused. */
export class BytePace implements Pace {
  #credit: number;
  #at: number;

  constructor(
    private readonly bytesPerSecond: number,
    private readonly now: () => number,
  ) {
    this.#at = now();
    this.#credit = this.#burst;
  }

  spend(bytes: number): number {
    const now = this.now();
    this.#credit = Math.min(this.#burst, this.#credit + ((now - this.#at) / 1000) * this.bytesPerSecond) - bytes;
    this.#at = now;
    return this.#credit >= 0 ? 0 : (-this.#credit / this.bytesPerSecond) * 1000;
  }

  get #burst(): number {
    return (this.bytesPerSecond * BURST_MS) / 1000;
  }
}

/** One pace for each MicroVM with a limit. */
export class Paces {
  readonly #paces = new LruMap<string, BytePace>(REMEMBERED);

  of(microvmId: string, bytesPerSecond: number | undefined): Pace | undefined {
    if (bytesPerSecond === undefined) return undefined;
    let pace = this.#paces.get(microvmId);
    if (pace === undefined) this.#paces.set(microvmId, (pace = new BytePace(bytesPerSecond, () => performance.now())));
    return pace;
  }
}
