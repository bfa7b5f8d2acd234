/** Log streams of builds and MicroVMs, by the CloudWatch Logs operations. */
import { call } from './client.js';

export interface LogEvent {
  /** ms since 1970 */
  readonly timestamp: number;
  readonly message: string;
}

export interface LogPage {
  readonly events: readonly LogEvent[];
  readonly nextForwardToken: string;
}

function logs<T>(operation: string, body: object, signal: AbortSignal): Promise<T> {
  return call('/logs', { method: 'POST', headers: { 'x-amz-target': `Logs_20140328.${operation}` }, body, signal });
}

export interface LogPlace {
  readonly group: string;
  readonly stream: string;
}

/** From the start, or from where an earlier page ended. */
export function getLogEvents({ group, stream }: LogPlace, token: string | undefined, signal: AbortSignal): Promise<LogPage> {
  return logs('GetLogEvents', { logGroupName: group, logStreamName: stream, startFromHead: true, limit: 2000, ...(token === undefined ? {} : { nextToken: token }) }, signal);
}

/** The first of the streams that is there; a stream is there from its first line on. */
export async function findStream(group: string, streams: readonly string[], signal: AbortSignal): Promise<LogPlace | undefined> {
  const { logGroups } = await logs<{ logGroups: readonly { logGroupName: string }[] }>('DescribeLogGroups', { logGroupNamePrefix: group }, signal);
  if (!logGroups.some(({ logGroupName }) => logGroupName === group)) return undefined;
  for (const stream of streams) {
    const { logStreams } = await logs<{ logStreams: readonly { logStreamName: string }[] }>('DescribeLogStreams', { logGroupName: group, logStreamNamePrefix: stream }, signal);
    if (logStreams.some(({ logStreamName }) => logStreamName === stream)) return { group, stream };
  }
  return undefined;
}

export function logGroupOf(imageName: string): string {
  return `/aws/lambda-microvms/${imageName}`;
}

const DAY_SECONDS = 86_400;

/**
 * Names have the day on which a build or MicroVM began: that of its record, or the next one when it waited past midnight.
 * `of`: its id, a build's with `build-` before it.
 */
export function logStreamsOf(seconds: number, version: string, of: string): readonly string[] {
  return [seconds, seconds + DAY_SECONDS].map((at) => `${new Date(at * 1000).toISOString().slice(0, 10).replaceAll('-', '/')}[${version}]${of}`);
}
