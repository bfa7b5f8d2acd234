/** Images: from a zip with a Dockerfile to a template that MicroVMs are launched from. */
import type { BuildRecord, BuildStepRecord, ImageConfig, ImageRecord, Page, PageRequest, VersionRecord, VersionStatus } from '../store/contracts.js';

/** The caller, as proven by its signature. */
export interface Principal {
  readonly accountId: string;
  readonly accessKeyId: string;
}

export interface CreateImageInput {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly config: ImageConfig;
}

/**
 * Every method throws the request errors of `errors/`. Shapes and lengths are already checked by `api/`;
 * meaning (base image exists, hooks consistent, sizes supported, env keys reserved, name free) is checked here.
 */
export interface ImageService {
  /** Records the image as CREATING with version 1.0 and starts the build in the background. */
  create(who: Principal, input: CreateImageInput): { image: ImageRecord; version: VersionRecord };
  /**
   * Records the next version and starts its build; the image is UPDATING until it ends. `config` is all the version has:
   * nothing is taken over from the one before. ConflictError while another change is under way.
   */
  update(who: Principal, imageArn: string, config: ImageConfig): { image: ImageRecord; version: VersionRecord };
  get(who: Principal, imageArn: string): ImageRecord;
  list(who: Principal, page: PageRequest): Page<ImageRecord>;
  /** Marks DELETING, removes files and records in the background; deleting what is gone succeeds. */
  delete(who: Principal, imageArn: string): { imageArn: string; state: 'DELETING' | 'DELETED' };
  getVersion(who: Principal, imageArn: string, version: string): VersionRecord;
  /** INACTIVE blocks new launches only. ConflictError while the image is changing, and for ACTIVE when the version is not built. */
  setVersionStatus(who: Principal, imageArn: string, version: string, status: VersionStatus): VersionRecord;
  /** Marks DELETING and removes in the background; the last version is refused. Deleting what is gone succeeds. */
  deleteVersion(who: Principal, imageArn: string, version: string): { version: string; state: 'DELETING' | 'DELETED' };
  listVersions(who: Principal, imageArn: string, page: PageRequest): Page<VersionRecord>;
  getBuild(who: Principal, imageArn: string, version: string, buildId: string): BuildRecord;
  /** In the order they began; of the last attempt, when the daemon stopped meanwhile. */
  buildSteps(who: Principal, imageArn: string, version: string, buildId: string): readonly BuildStepRecord[];
  listBuilds(who: Principal, imageArn: string, version: string, page: PageRequest): Page<BuildRecord>;
  managedImages(): readonly ManagedImage[];
}

export interface ManagedImage {
  readonly imageArn: string;
  readonly versions: readonly { readonly version: string; readonly createdAt: number }[]; // newest first
  readonly createdAt: number;
}

/** What `microvms/` needs of an image to launch it. */
export interface Launchable {
  readonly imageArn: string;
  readonly version: string;
  /** Folder of the template. */
  readonly template: string;
  readonly config: ImageConfig;
}

export interface ImageCatalog {
  /**
   * The version named, or the latest ACTIVE and SUCCESSFUL one.
   * Throws NotFoundError "No active version found for MicroVM image <arn>[ and version <v>]".
   */
  launchable(who: Principal, imageArn: string, version?: string): Launchable;
  /** For a VM that exists already: whatever the version's status. */
  ofRunning(imageArn: string, version: string): Launchable;
}
