/** Which API a command talks to, and with which key: options, then AWS_* variables, then this host's service. */
import type { RemoteAccess } from '../../daemon/remote.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { readProfile, type Profile } from './profile.js';

export interface ConnectionOptions {
  /** Settings file of this host's service. */
  readonly config?: string;
  readonly endpoint?: string;
  readonly profile?: string;
  readonly region?: string;
  readonly caFile?: string;
}

const DEFAULT_REGION = 'us-east-1';

/** With an address from --endpoint, --profile or AWS_ENDPOINT_URL, the keys are those of the profile or environment; else this host's. */
export async function openAccess(options: ConnectionOptions, env: NodeJS.ProcessEnv): Promise<RemoteAccess> {
  const profile = options.profile === undefined ? undefined : await readProfile(options.profile, env);
  const apiUrl = options.endpoint ?? profile?.endpointUrl ?? env['AWS_ENDPOINT_URL'];
  if (!apiUrl) {
    if (profile !== undefined) {
      throw new CliError(EXIT.usage, `the profile '${options.profile ?? ''}' has no endpoint_url, and without one these keys would go to nobody`, ['add endpoint_url = http://<host>:7400 to the profile, or give --endpoint']);
    }
    return hostAccess(env, options);
  }
  if (!/^https?:\/\/[^/?#@\s]+\/?$/.test(apiUrl)) throw new CliError(EXIT.usage, `'${apiUrl}' is no address of an API`, ['write it as http://<host>:7400']);
  // A named profile is what was asked for; else the environment's keys, else those of its AWS_PROFILE.
  const { key, region } = profile ?? keyOf(env) ?? (await readProfile(env['AWS_PROFILE'] ?? 'default', env, 'or-none'));
  if (key === undefined) {
    throw new CliError(EXIT.denied, `${whence(options, profile)} is ${apiUrl}, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set`, ['set them, or name a profile of ~/.aws/credentials with --profile, or unset AWS_ENDPOINT_URL to use this host\'s service']);
  }
  return {
    apiUrl,
    key,
    region: options.region ?? region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? DEFAULT_REGION,
    caFile: options.caFile ?? profile?.caFile ?? env['TARDIGRADE_CA_FILE'] ?? env['AWS_CA_BUNDLE'],
  };
}

function whence(options: ConnectionOptions, profile: Profile | undefined): string {
  if (options.endpoint !== undefined) return '--endpoint';
  return profile === undefined ? 'AWS_ENDPOINT_URL' : 'the profile\'s endpoint_url';
}

function keyOf(env: NodeJS.ProcessEnv): Profile | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env;
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { key: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } };
}

/** Of this host's service: its settings and its first key, whatever AWS_* keys are there, which may be for AWS. */
async function hostAccess(env: NodeJS.ProcessEnv, options: ConnectionOptions): Promise<RemoteAccess> {
  const [{ readConfig }, { localAccess }] = await Promise.all([import('../../config/load.js'), import('../../daemon/access.js')]);
  const { config } = await readConfig(options.config, env);
  try {
    const { accessKeyId, secretAccessKey, ...access } = await localAccess(config);
    return { ...access, key: { accessKeyId, secretAccessKey }, region: options.region ?? access.region, caFile: options.caFile ?? access.caFile };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error;
    throw new CliError(EXIT.denied, `the keys of this host's service in ${config.dataDir} are not this user's to read`, [
      'run it as root: sudo tardigrade …',
      'or take the keys over: eval "$(sudo tardigrade env)"',
      'or name a service elsewhere: --endpoint <url> or --profile <name>',
    ]);
  }
}
