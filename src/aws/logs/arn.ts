/** ARNs of log groups and streams: `arn:aws:logs:<region>:<account>:log-group:<group>[:log-stream:<stream>|:*]`. */
import { z } from 'zod';
import { groupName, invalid, noGroup, type LogsCall } from './operation.js';

export function groupArn({ region, accountId }: Pick<LogsCall, 'region' | 'accountId'>, group: string): string {
  return `arn:aws:logs:${region}:${accountId}:log-group:${group}`;
}

export function streamArn(call: Pick<LogsCall, 'region' | 'accountId'>, group: string, stream: string): string {
  return `${groupArn(call, group)}:log-stream:${stream}`;
}

/** Asks for `logs:<operation>`. On a group the resource has an empty stream behind it, so that `log-group:<name>:*` covers it. */
export function authorize(call: LogsCall, group: string, stream = ''): void {
  call.request.authorize(`logs:${call.request.operation}`, streamArn(call, group, stream));
}

/** The members by which reading operations name a group: exactly one of them. */
export const groupReference = {
  logGroupName: groupName.optional(),
  logGroupIdentifier: z.string().min(1).max(2048).regex(/^[\w#+=/:,.@-]*$/).optional(),
};

export function groupOf(call: LogsCall, input: { logGroupName?: string | undefined; logGroupIdentifier?: string | undefined }): string {
  if (input.logGroupName !== undefined && input.logGroupIdentifier !== undefined) throw invalid('Specify either logGroupName or logGroupIdentifier, not both.');
  const identifier = input.logGroupName ?? input.logGroupIdentifier;
  if (identifier === undefined) throw invalid('Specify the log group: logGroupName or logGroupIdentifier is missing.');
  return groupOfIdentifier(call, identifier);
}

/** A group's name, or its ARN in this account and Region. */
export function groupOfIdentifier(call: LogsCall, identifier: string): string {
  if (!identifier.startsWith('arn:')) return identifier;
  const prefix = groupArn(call, '');
  if (!identifier.startsWith(prefix)) throw noGroup();
  return identifier.slice(prefix.length).replace(/:\*$/, '');
}
