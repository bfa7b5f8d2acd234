/** Network connectors, and the tags that they and images have. */
import { call, pages, query } from './client.js';
import type { Tags } from './images.js';

export interface ConnectorSummary {
  readonly Arn: string;
  readonly Name: string;
  readonly Id: string;
  readonly State: 'PENDING' | 'ACTIVE' | 'INACTIVE' | 'FAILED' | 'DELETING' | 'DELETE_FAILED';
  /** ISO 8601 */
  readonly LastModified: string;
}

export interface Connector extends ConnectorSummary {
  readonly Configuration: { readonly VpcEgressConfiguration: VpcEgress };
  readonly OperatorRole: string;
  readonly Version: number;
  readonly StateReason?: string;
  readonly LastUpdateStatus: string;
  readonly LastUpdateStatusReason?: string;
}

export interface VpcEgress {
  readonly SubnetIds: readonly string[];
  readonly SecurityGroupIds?: readonly string[];
  readonly NetworkProtocol?: 'IPv4' | 'DualStack';
}

const ALL = '/api/2026-04-04/network-connectors';
const one = (id: string): string => `${ALL}/${encodeURIComponent(id)}`;

export function listConnectors(signal: AbortSignal): Promise<ConnectorSummary[]> {
  interface Page {
    readonly NetworkConnectors: readonly ConnectorSummary[];
    readonly NextMarker?: string;
  }
  return pages((Marker) => call<Page>(`${ALL}${query({ Marker })}`, { signal }), ({ NetworkConnectors }) => NetworkConnectors, ({ NextMarker }) => NextMarker);
}

export const getConnector = (id: string, signal: AbortSignal): Promise<Connector> => call(one(id), { signal });
export const deleteConnector = (id: string): Promise<void> => call(one(id), { method: 'DELETE' });
export const createConnector = (name: string, configuration: VpcEgress, role: string | undefined, token: string): Promise<ConnectorSummary> =>
  call(ALL, { method: 'POST', body: { Name: name, Configuration: { VpcEgressConfiguration: configuration }, ...(role === undefined ? {} : { OperatorRole: role }), ClientToken: token } });

const tagsOf = (arn: string): string => `/api/2017-03-31/tags/${encodeURIComponent(arn)}`;

export async function listTags(arn: string, signal: AbortSignal): Promise<Tags> {
  return (await call<{ Tags: Tags }>(tagsOf(arn), { signal })).Tags;
}

export const addTag = (arn: string, key: string, value: string): Promise<void> => call(tagsOf(arn), { method: 'POST', body: { Tags: { [key]: value } } });
export const removeTag = (arn: string, key: string): Promise<void> => call(`${tagsOf(arn)}${query({ tagKeys: key })}`, { method: 'DELETE' });
