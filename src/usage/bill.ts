/** What a bill is made of. */
/** US dollars for each unit. GB is 2^30 bytes. */
export interface Prices {
  readonly vcpuSecond: number;
  readonly memoryGbSecond: number;
  readonly snapshotReadGb: number;
  readonly snapshotWriteGb: number;
  readonly snapshotStorageGbHour: number;
}

/** One line of a bill. */
export interface Charge {
  readonly dimension: string;
  readonly unit: string;
  readonly quantity: number;
  readonly unitPrice: number;
  readonly cost: number;
}
