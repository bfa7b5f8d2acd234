/** Profiles of the AWS CLI: `~/.aws/config` and `~/.aws/credentials`. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { RemoteAccess } from '../../daemon/remote.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';

export interface Profile {
  readonly key?: RemoteAccess['key'] | undefined;
  readonly region?: string | undefined;
  readonly endpointUrl?: string | undefined;
  readonly caFile?: string | undefined;
}

type Section = Readonly<Record<string, string>>;

/** Throws CliError for a profile that is in neither file, unless `missing` is 'or-none'. */
export async function readProfile(name: string, env: NodeJS.ProcessEnv, missing: 'is-wrong' | 'or-none' = 'is-wrong'): Promise<Profile> {
  const files = [env['AWS_CONFIG_FILE'] ?? join(homedir(), '.aws', 'config'), env['AWS_SHARED_CREDENTIALS_FILE'] ?? join(homedir(), '.aws', 'credentials')];
  const [config = new Map<string, Section>(), credentials = new Map<string, Section>()] = await Promise.all(files.map(readSections));
  const found = [config.get(`profile ${name}`) ?? (name === 'default' ? config.get(name) : undefined), credentials.get(name)];
  if (found.every((section) => section === undefined)) {
    if (missing === 'or-none') return {};
    throw new CliError(EXIT.usage, `there is no profile '${name}' in ${files.join(' or ')}`, [`write it there: aws configure --profile ${name}`]);
  }
  const { aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey, aws_session_token: sessionToken, region, endpoint_url: endpointUrl, ca_bundle: caFile }: Partial<Section> = { ...found[0], ...found[1] };
  const key = accessKeyId !== undefined && secretAccessKey !== undefined ? { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } : undefined;
  return { key, region, endpointUrl, caFile };
}

async function readSections(path: string): Promise<Map<string, Section>> {
  const sections = new Map<string, Record<string, string>>();
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  });
  let current: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const head = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line);
    if (head?.[1] !== undefined) sections.set(head[1].replace(/\s+/g, ' '), (current = {}));
    // Indented lines belong to nested settings, e.g. `s3 =`.
    const pair = /^([A-Za-z0-9_]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (pair?.[1] !== undefined && pair[2] !== undefined) current[pair[1].toLowerCase()] = pair[2];
  }
  return sections;
}
