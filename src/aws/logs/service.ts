/** The CloudWatch Logs subset: finds the operation of a request. */
import type { LogStore } from '../../logs/contracts.js';
import { LogsError, type LogsService } from '../contracts.js';
import { filterLogEvents, getLogEvents, putLogEvents } from './events.js';
import { createLogGroup, deleteLogGroup, deleteRetentionPolicy, describeLogGroups, putRetentionPolicy } from './groups.js';
import { startLiveTail } from './live-tail.js';
import type { LogsContext, LogsOperation } from './operation.js';
import { createLogStream, deleteLogStream, describeLogStreams } from './streams.js';

const operations: ReadonlyMap<string, LogsOperation> = new Map([
  ['CreateLogGroup', createLogGroup],
  ['CreateLogStream', createLogStream],
  ['DeleteLogGroup', deleteLogGroup],
  ['DeleteLogStream', deleteLogStream],
  ['DeleteRetentionPolicy', deleteRetentionPolicy],
  ['DescribeLogGroups', describeLogGroups],
  ['DescribeLogStreams', describeLogStreams],
  ['FilterLogEvents', filterLogEvents],
  ['GetLogEvents', getLogEvents],
  ['PutLogEvents', putLogEvents],
  ['PutRetentionPolicy', putRetentionPolicy],
  ['StartLiveTail', startLiveTail],
]);

/** Operations that change a group or what is in it. */
const CHANGES = /^(Create|Delete|Put)/;

export interface LogsDeps {
  readonly store: LogStore;
  readonly region: string;
  /** A group that this server writes itself: it is read as any other, and changed by nobody. */
  readonly keptGroup?: string | undefined;
  /** ms since 1970; default Date.now */
  readonly clock?: () => number;
}

export function createLogsService(deps: LogsDeps): LogsService {
  const context: LogsContext = { store: deps.store, region: deps.region, now: deps.clock ?? Date.now };
  return {
    async handle(request) {
      const operation = operations.get(request.operation);
      if (operation === undefined) {
        throw new LogsError('UnknownOperationException', `This server does not serve the operation '${request.operation}' of CloudWatch Logs; it has ${[...operations.keys()].join(', ')}.`);
      }
      if (deps.keptGroup !== undefined && request.input['logGroupName'] === deps.keptGroup && CHANGES.test(request.operation)) {
        throw new LogsError('AccessDeniedException', `The log group ${deps.keptGroup} is kept by this server: ${request.operation} is not allowed on it. It can be read.`);
      }
      return operation({ ...context, request, accountId: request.accountId });
    },
  };
}
