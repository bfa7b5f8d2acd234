/** Where the output of a MicroVM's application goes (spec §9). */
import type { LogWriter } from '../logs/contracts.js';
import type { MicrovmRecord } from '../store/contracts.js';
import type { MicrovmDeps } from './deps.js';

type Named = Pick<MicrovmRecord, 'id' | 'accountId' | 'imageArn' | 'imageVersion' | 'startedAt' | 'logging'>;

/** Undefined when logging is disabled. Without an execution role AWS has no runtime logs; ours stay on this host. Unknown: vm-local-logs */
export function logTarget(record: Named): { readonly group: string; readonly stream: string } | undefined {
  if (record.logging !== undefined && 'disabled' in record.logging) return undefined;
  const day = new Date(record.startedAt).toISOString().slice(0, 10).replaceAll('-', '/');
  const imageName = record.imageArn.slice(record.imageArn.lastIndexOf(':') + 1);
  return {
    group: record.logging?.cloudWatch.logGroup ?? `/aws/lambda-microvms/${imageName}`,
    stream: record.logging?.cloudWatch.logStream ?? `${day}[${record.imageVersion}]${record.id}`,
  };
}

const discard: LogWriter = { write: () => undefined, close: () => Promise.resolve() };

export function openLog(deps: Pick<MicrovmDeps, 'log'>, record: Named): LogWriter {
  const target = logTarget(record);
  return target === undefined ? discard : deps.log.stream(record.accountId, target.group, target.stream);
}
