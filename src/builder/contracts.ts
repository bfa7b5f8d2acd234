/**
 * Container builds. A Dockerfile is untrusted code: it runs in a builder microVM, a clone of a template that holds
 * buildah and the managed container bases, and leaves one ext4 disk and the container's config.
 */
import type { Readable } from 'node:stream';
import type { LinkOptions } from '../network/contracts.js';

export interface ContainerBuildRequest {
  /** Unique among live VMs. */
  readonly id: string;
  /** Existing empty folder the build owns; the disk is left there. */
  readonly dir: string;
  /** The build context as an uncompressed tar stream, `Dockerfile` at its root. */
  readonly context: Readable;
  readonly diskGiB: number;
  readonly network: LinkOptions;
  /** Whose layer cache is used: no other account ever sees it. */
  readonly accountId: string;
  /** One line of build output. */
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/** From the built image's OCI config. */
export interface ContainerConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string; // "/" when unset
  readonly user: string; // "" = root
  readonly stopSignal: string; // "SIGTERM" when unset
}

export interface BuiltContainer {
  /** Raw ext4 image of the container's root. */
  readonly disk: string;
  readonly config: ContainerConfig;
  /** Bytes the container's files use. */
  readonly installBytes: number;
}

export interface ContainerBuilder {
  /** Throws {@link ContainerBuildError} when the Dockerfile fails; anything else is a platform fault. */
  build(request: ContainerBuildRequest): Promise<BuiltContainer>;
}

export class ContainerBuildError extends Error {
  override readonly name = 'ContainerBuildError';
  constructor(
    readonly code: 'CONTAINER_BUILD_FAILED' | 'DISK_STORAGE_FULL',
    message: string,
  ) {
    super(message);
  }
}
