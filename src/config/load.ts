/** Settings as the programs of this host read them: the environment, over a file when there is one. */
import { access } from 'node:fs/promises';
import { messageOf, OperatorError } from '../errors/index.js';
import { isMissing } from '../files/private-files.js';
import { type Config, loadConfig, schema } from './config.js';
import { readSettingsFile, type SettingsFile } from './file.js';

/** Read when it is there; any other file that is named must be. */
export const DEFAULT_FILE = '/etc/tardigrade/config.yaml';

export interface LoadedConfig {
  readonly config: Config;
  readonly file: SettingsFile | undefined;
}

/** `path`: of `--config`; else TARDIGRADE_CONFIG names it. Throws OperatorError as {@link loadConfig}. */
export async function readConfig(path?: string, env: NodeJS.ProcessEnv = process.env): Promise<LoadedConfig> {
  const file = await settingsFile(path ?? env['TARDIGRADE_CONFIG']);
  return { config: loadConfig(env, file), file };
}

export async function settingsFile(path: string | undefined): Promise<SettingsFile | undefined> {
  const named = path !== undefined && path !== '';
  if (!named && !(await there(DEFAULT_FILE))) return undefined;
  return readSettingsFile(named ? path : DEFAULT_FILE, Object.keys(schema.shape));
}

async function there(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw new OperatorError(`cannot read the configuration file ${path}: ${messageOf(error)}`);
  }
}
