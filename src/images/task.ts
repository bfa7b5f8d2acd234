import type { ImageConfig } from '../store/contracts.js';

/** One build of one version. */
export interface BuildTask {
  readonly accountId: string;
  readonly imageName: string;
  readonly imageArn: string;
  readonly version: string;
  readonly buildId: string; // uuid
  readonly config: ImageConfig;
}
