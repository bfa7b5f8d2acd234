/** CreateLogGroup, DeleteLogGroup, DescribeLogGroups, PutRetentionPolicy, DeleteRetentionPolicy. */
import { z } from 'zod';
import { LogsError } from '../contracts.js';
import { authorize, groupArn, groupOfIdentifier } from './arn.js';
import { done, groupName, invalid, noGroup, read, token, type LogsOperation } from './operation.js';
import { pageByKey } from './tokens.js';

const retentionDays = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653] as const;
const groupClass = z.enum(['STANDARD', 'INFREQUENT_ACCESS', 'DELIVERY']);

const createInput = z.object({ logGroupName: groupName, logGroupClass: groupClass.optional(), kmsKeyId: z.string().optional(), tags: z.record(z.string(), z.string()).optional() });

/** Tags are taken and not kept: nothing here reads them. Unknown: logs-group-tags */
export const createLogGroup: LogsOperation = async (call) => {
  const { logGroupName, logGroupClass = 'STANDARD', kmsKeyId } = read(createInput, call);
  authorize(call, logGroupName);
  if (kmsKeyId !== undefined) throw invalid('kmsKeyId: this server has no KMS; create the log group without it.');
  if (logGroupClass !== 'STANDARD') throw invalid(`logGroupClass '${logGroupClass}': this server has log groups of class STANDARD only.`);
  if (!(await call.store.createGroup(call.accountId, logGroupName))) throw new LogsError('ResourceAlreadyExistsException', 'The specified log group already exists');
  return done;
};

const nameInput = z.object({ logGroupName: groupName });

export const deleteLogGroup: LogsOperation = async (call) => {
  const { logGroupName } = read(nameInput, call);
  authorize(call, logGroupName);
  if (!(await call.store.deleteGroup(call.accountId, logGroupName))) throw noGroup();
  return done;
};

const describeInput = z.object({
  logGroupNamePrefix: groupName.optional(),
  logGroupNamePattern: z.string().max(512).regex(/^[.\-_/#A-Za-z0-9]*$/).optional(),
  logGroupIdentifiers: z.array(z.string().min(1).max(2048)).min(1).max(50).optional(),
  logGroupClass: groupClass.optional(),
  limit: z.number().int().min(1).max(50).default(50),
  nextToken: token.optional(),
});

export const describeLogGroups: LogsOperation = async (call) => {
  const input = read(describeInput, call);
  authorize(call, '');
  const { logGroupNamePrefix: prefix, logGroupNamePattern: pattern } = input;
  if (prefix !== undefined && pattern !== undefined) throw invalid('LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.');
  const names = input.logGroupIdentifiers?.map((identifier) => groupOfIdentifier(call, identifier));
  const all = input.logGroupClass === undefined || input.logGroupClass === 'STANDARD' ? await call.store.groups(call.accountId) : [];
  const wanted = all.filter(({ name }) => name.startsWith(prefix ?? '') && name.includes(pattern ?? '') && (names?.includes(name) ?? true));
  const { items, nextToken } = pageByKey(wanted, ({ name }) => [0, name], input.limit, input.nextToken);
  const logGroups = items.map(({ name, createdAt, retentionInDays, bytes }) => ({
    logGroupName: name,
    creationTime: createdAt,
    retentionInDays,
    metricFilterCount: 0,
    arn: `${groupArn(call, name)}:*`,
    logGroupArn: groupArn(call, name),
    storedBytes: bytes,
    logGroupClass: 'STANDARD',
  }));
  return { members: { logGroups, nextToken } };
};

const retentionInput = z.object({ logGroupName: groupName, retentionInDays: z.number().int() });

export const putRetentionPolicy: LogsOperation = async (call) => {
  const { logGroupName, retentionInDays } = read(retentionInput, call);
  authorize(call, logGroupName);
  if (!retentionDays.some((days) => days === retentionInDays)) {
    throw invalid(`Invalid retention value ${retentionInDays}. Possible values are: [${retentionDays.join(', ')}]`);
  }
  if (!(await call.store.setRetention(call.accountId, logGroupName, retentionInDays))) throw noGroup();
  return done;
};

export const deleteRetentionPolicy: LogsOperation = async (call) => {
  const { logGroupName } = read(nameInput, call);
  authorize(call, logGroupName);
  if (!(await call.store.setRetention(call.accountId, logGroupName, undefined))) throw noGroup();
  return done;
};
