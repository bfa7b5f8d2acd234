import type { BuildContext } from './build-context.js';
import type { BuildTask } from './task.js';

export interface Step {
  readonly name: string;
  /** Completes "The platform failed while …". */
  readonly doing: string;
  /** Absent: always. */
  readonly applies?: (task: BuildTask) => boolean;
  /** Throws BuildFailure; anything else is a platform fault. */
  readonly run: (ctx: BuildContext) => Promise<void>;
}
