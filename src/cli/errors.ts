import type { ExitCode } from './exit-codes.js';

/** What the person is told: what happened, and what to do next. */
export class CliError extends Error {
  override readonly name = 'CliError';
  constructor(
    readonly exitCode: ExitCode,
    message: string,
    /** Lines: commands to type or settings to mend. */
    readonly fix: readonly string[] = [],
  ) {
    super(message);
  }
}
