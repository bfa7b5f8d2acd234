/**
 * What the service needs before it can build an image: a guest kernel, an initramfs with the agent, the managed
 * container base, and the builder's template. All are made on this host from Debian packages and our own agent,
 * each in a folder named by the hash of what it is made from, so that a change makes a new one.
 */
export interface GuestKernel {
  /** Uncompressed kernel: unpacking it in the guest is slow under emulation. */
  readonly image: string;
  readonly initramfs: string;
  readonly version: string;
}

/** Told of each step that takes longer than a moment. */
export interface Progress {
  /** Shows `what` as under way until the promise settles. */
  step<T>(what: string, work: () => Promise<T>): Promise<T>;
}
