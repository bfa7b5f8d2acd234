/** What one MicroVM may use of the endpoint: connections and bytes per second (spec §5.7). */
import type { Duplex } from 'node:stream';
import type { MicrovmRecord } from '../store/contracts.js';
import type { Pace } from './flow.js';
import { LruMap } from '../collections/lru-map.js';

export interface VmLimit {
  /** Connections of clients at once. */
  readonly connections?: number | undefined;
  /** Both ways together. */
  readonly bytesPerSecond?: number | undefined;
}

const REMEMBERED = 16_384;

export type VmLimitOf = (microvm: MicrovmRecord) => VmLimit;

export interface VmLimitSettings {
  /** `aws`: by the MicroVM's size, as AWS (spec §3.5, §5.7). */
  readonly vmLimits: 'none' | 'aws';
  /** For every MicroVM, over what the profile says. */
  readonly vmConnections?: number | undefined;
  readonly vmBandwidthKiB?: number | undefined;
}

/** AWS's figures for each vCPU of a MicroVM's peak, which has one for every 512 MiB of its baseline. */
const MIB_PER_VCPU = 512;
const AWS_CONNECTIONS = 8;
const AWS_BYTES_PER_SECOND = 1_000_000;

/** `memoryMiBOf`: baseline memory. */
export function createVmLimitOf(settings: VmLimitSettings, memoryMiBOf: (microvm: MicrovmRecord) => number): VmLimitOf {
  const { vmLimits, vmConnections, vmBandwidthKiB } = settings;
  const fixed: VmLimit = {
    ...(vmConnections === undefined ? {} : { connections: vmConnections }),
    ...(vmBandwidthKiB === undefined ? {} : { bytesPerSecond: vmBandwidthKiB * 1024 }),
  };
  if (vmLimits === 'none') return () => fixed;
  const remembered = new LruMap<string, VmLimit>(REMEMBERED);
  return (microvm) => {
    let limit = remembered.get(microvm.id);
    if (limit === undefined) {
      const vcpus = memoryMiBOf(microvm) / MIB_PER_VCPU;
      limit = { connections: vcpus * AWS_CONNECTIONS, bytesPerSecond: vcpus * AWS_BYTES_PER_SECOND, ...fixed };
      remembered.set(microvm.id, limit);
    }
    return limit;
  };
}

/** A MicroVM that was quiet may send this much of its rate at once, ms. */
const BURST_MS = 250;

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
