/** What is checked, and how its application is asked. */
import type { ImageFacts } from './client/api.js';

export interface CheckTarget {
  readonly image: ImageFacts;
  /** A GET there answers 200 once the application is up. */
  readonly port: number;
  readonly path: string;
  readonly executionRoleArn: string | undefined;
  readonly runHookPayload: string | undefined;
  /** Authority of the endpoint's certificate; undefined: the system's. */
  readonly ca: Buffer | undefined;
}
