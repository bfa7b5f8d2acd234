import type { LogLine } from '../guest/contracts.js';
import type { BuildContext } from './build-context.js';

/** Puts the application's output into the build log. */
export function logAppLine(ctx: BuildContext): (line: LogLine) => void {
  return (line) => {
    ctx.lastSeq = Math.max(ctx.lastSeq, line.seq);
    ctx.log.line(line.stream === 'stdout' ? 'app' : 'app:stderr', line.text);
  };
}
