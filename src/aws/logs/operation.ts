/** What the operations of CloudWatch Logs share. */
import { z } from 'zod';
import type { LogStore } from '../../logs/contracts.js';
import { LogsError, type LogsAnswer, type LogsRequest } from '../contracts.js';

export interface LogsContext {
  readonly store: LogStore;
  readonly region: string;
  /** ms since 1970 */
  readonly now: () => number;
}

export interface LogsCall extends LogsContext {
  readonly request: LogsRequest;
  readonly accountId: string;
}

export type LogsOperation = (call: LogsCall) => Promise<LogsAnswer>;

// Lengths and patterns: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Operations.html
export const groupName = z.string().min(1).max(512).regex(/^[.\-_/#A-Za-z0-9]+$/);
export const streamName = z.string().min(1).max(512).regex(/^[^:*]*$/);
export const timestamp = z.number().int().min(0);
export const token = z.string().min(1);

/** The operation's input, or its defects in AWS's words. Throws LogsError InvalidParameterException, SerializationException. */
export function read<T>(schema: z.ZodType<T>, { request }: LogsCall): T {
  const parsed = schema.safeParse(dropNulls(request.input));
  if (parsed.success) return parsed.data;
  const complaints: string[] = [];
  for (const issue of parsed.error.issues) {
    const path = issue.path.map((part) => (typeof part === 'number' ? `${part + 1}.member` : String(part))).join('.');
    const value = valueAt(request.input, issue.path);
    if (issue.code === 'invalid_type' && value !== undefined && value !== null) {
      throw new LogsError('SerializationException', `${path} must be of type ${issue.expected}`);
    }
    const shown = value === undefined || value === null ? 'null' : `'${typeof value === 'string' ? value : JSON.stringify(value)}'`;
    complaints.push(`Value ${shown.slice(0, 600)} at '${path}' failed to satisfy constraint: ${ruleOf(issue)}`);
  }
  throw invalid(`${complaints.length} validation error${complaints.length > 1 ? 's' : ''} detected: ${complaints.join('; ')}`);
}

function ruleOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return 'Member must not be null';
  if (issue.code === 'too_small') return `Member must have ${measured(issue.origin)} greater than or equal to ${issue.minimum}`;
  if (issue.code === 'too_big') return `Member must have ${measured(issue.origin)} less than or equal to ${issue.maximum}`;
  if (issue.code === 'invalid_format') return `Member must satisfy regular expression pattern: ${issue.pattern?.replace(/^\/\^?|\$?\/[a-z]*$/g, '') ?? issue.format}`;
  if (issue.code === 'invalid_value') return `Member must satisfy enum value set: [${issue.values.map(String).join(', ')}]`;
  return issue.message;
}

function measured(origin: string): string {
  return origin === 'number' || origin === 'int' ? 'value' : 'length';
}

/** A member that is null is as absent as one that is not there. */
function dropNulls(input: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, part) => (typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined), input);
}

export function invalid(message: string): LogsError {
  return new LogsError('InvalidParameterException', message);
}

export function noGroup(): LogsError {
  return new LogsError('ResourceNotFoundException', 'The specified log group does not exist.');
}

export function noStream(): LogsError {
  return new LogsError('ResourceNotFoundException', 'The specified log stream does not exist.');
}

export const done: LogsAnswer = { members: {} };
