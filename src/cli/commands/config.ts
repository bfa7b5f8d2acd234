/** `tardigrade config check [file]` and `tardigrade config show [--json]`. */
import { loadConfig } from '../../config/config.js';
import { DEFAULT_FILE, settingsFile } from '../../config/load.js';
import { effectiveSettings, toYaml } from '../../config/show.js';
import { OperatorError } from '../../errors/index.js';

export interface ConfigCommand {
  readonly env: NodeJS.ProcessEnv;
  /** Of `--config`. */
  readonly file: string | undefined;
  readonly write: (text: string) => void;
}

/** Throws OperatorError that names each line that is wrong. */
export async function configCheck(path: string | undefined, { env, file, write }: ConfigCommand): Promise<void> {
  const settings = await settingsFile(path ?? file ?? env['TARDIGRADE_CONFIG']);
  if (settings === undefined) throw new OperatorError(`there is no ${DEFAULT_FILE}: name a file, or make that one from packaging/config.example.yaml`);
  // By itself first: it must be good whatever this shell's environment is.
  loadConfig({}, settings);
  loadConfig(env, settings);
  const overridden = [...settings.values].filter(([variable]) => env[variable] !== undefined).map(([variable, { line }]) => `line ${line}: ${variable} in the environment wins here\n`);
  write(`${settings.path}: good, ${settings.values.size} settings\n${overridden.join('')}`);
}

/** What is in force here, secrets hidden. */
export async function configShow({ json }: { readonly json: boolean }, { env, file, write }: ConfigCommand): Promise<void> {
  const settings = await settingsFile(file ?? env['TARDIGRADE_CONFIG']);
  loadConfig(env, settings);
  const effective = effectiveSettings(env, settings);
  if (json) write(`${JSON.stringify({ file: settings?.path ?? null, settings: effective }, null, 2)}\n`);
  else write(toYaml(effective, ({ from }) => (from === 'default' ? undefined : from)));
}
