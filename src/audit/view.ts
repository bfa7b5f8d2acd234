import type { LogStore } from '../logs/contracts.js';
import { AUDIT_LOG_GROUP } from './contracts.js';

/** The logs of accounts with their audit log among them. It is read as any group; whoever takes requests refuses to change it. */
export function withAudit(logs: LogStore, audit: LogStore): LogStore {
  const of = (group: string): LogStore => (group === AUDIT_LOG_GROUP ? audit : logs);
  return {
    ...logs,
    async groups(accountId) {
      const [own, kept] = await Promise.all([logs.groups(accountId), audit.groups(accountId)]);
      return [...own.filter(({ name }) => name !== AUDIT_LOG_GROUP), ...kept].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    streams: (accountId, group) => of(group).streams(accountId, group),
    streamPage: (accountId, group, name, request) => of(group).streamPage(accountId, group, name, request),
    groupPage: (accountId, group, request) => of(group).groupPage(accountId, group, request),
  };
}
