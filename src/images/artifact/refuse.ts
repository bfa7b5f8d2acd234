import { BuildFailure } from '../failure.js';

/** A refusal names the entry and the rule. Names are quoted as JSON, so control characters cannot forge log lines. */
export function refuseEntry(name: string, rule: string): BuildFailure {
  return new BuildFailure('ARCHIVE_INVALID', `The code artifact's entry ${JSON.stringify(shorten(name))} is refused: ${rule}`);
}

export function refuseArchive(rule: string, cause?: unknown): BuildFailure {
  return new BuildFailure('ARCHIVE_INVALID', `The code artifact is refused: ${rule}`, { cause });
}

function shorten(name: string): string {
  return name.length <= 200 ? name : `${name.slice(0, 200)}…`;
}
