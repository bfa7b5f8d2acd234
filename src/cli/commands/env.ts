/** `tardigrade env`. */
import type { LocalAccess } from '../../daemon/access.js';

/** What clients need to find and to trust the service. */
export function variables(access: LocalAccess): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: access.apiUrl,
    AWS_ACCESS_KEY_ID: access.accessKeyId,
    AWS_SECRET_ACCESS_KEY: access.secretAccessKey,
    AWS_REGION: access.region,
    AWS_DEFAULT_REGION: access.region,
    // For clients of the MicroVM endpoints: curl --cacert "$TARDIGRADE_CA_FILE", NODE_EXTRA_CA_CERTS=$TARDIGRADE_CA_FILE
    ...(access.caFile === undefined ? {} : { TARDIGRADE_CA_FILE: access.caFile }),
  };
}

/** `export` lines, evaluated by `eval "$(npx tardigrade env)"`. */
export function environment(access: LocalAccess): string {
  return Object.entries(variables(access))
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join('');
}
