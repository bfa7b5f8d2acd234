/** The log of one build, for the person whose build it is. */
import type { Clock } from '../clock/index.js';
import type { AppLog, LogWriter } from '../logs/contracts.js';
import type { BuildTask } from './task.js';

export interface BuildLog {
  /** `source` is a step's name, or who speaks: `docker`, `app`, `app:stderr`. */
  line(source: string, text: string): void;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Group and stream as AWS names them (spec §9), unless the image's logging says otherwise; silent when disabled. Unknown: build-log-stream */
export function openBuildLog(appLog: AppLog, clock: Clock, task: BuildTask): BuildLog {
  const logging = task.config.logging;
  if (logging !== undefined && 'disabled' in logging) return { line: () => undefined, close: () => Promise.resolve() };
  const group = logging?.cloudWatch.logGroup ?? `/aws/lambda-microvms/${task.imageName}`;
  const day = new Date(clock.now()).toISOString().slice(0, 10).replaceAll('-', '/');
  const stream = logging?.cloudWatch.logStream ?? `${day}[${task.version}]build-${task.buildId}`;
  const writer: LogWriter = appLog.stream(task.accountId, group, stream);
  return {
    line: (source, text) => writer.write(clock.now(), `[${source}] ${text}`),
    close: () => writer.close(),
  };
}
