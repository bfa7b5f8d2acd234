/** Where each setting's value comes from: the environment, else the file, else nowhere. */
import type { SettingsFile } from './file.js';
import { isSecret, keyOf } from './keys.js';

export interface Sources {
  /** By variable: what it is set to. */
  readonly texts: Readonly<Record<string, string>>;
  /** `<place>: <name> is <value>`, for an error; a secret's value is not in it. */
  describe(variable: string): string;
  /** Of the settings that are set and begin so, where: ` (TARDIGRADE_TLS_CERT_FILE, /etc/tardigrade/config.yaml:3: tls.keyFile)`; '' when all is in the environment. */
  places(prefix: string): string;
  /** `environment`, `<file>:<line>`; undefined: it is not set. */
  originOf(variable: string): string | undefined;
}

export function createSources(variables: readonly string[], env: NodeJS.ProcessEnv, file?: SettingsFile): Sources {
  const texts: Record<string, string> = {};
  for (const variable of variables) {
    const text = env[variable] ?? file?.values.get(variable)?.text;
    if (text !== undefined) texts[variable] = text;
  }
  const lineOf = (variable: string): number | undefined => (env[variable] === undefined ? file?.values.get(variable)?.line : undefined);
  const place = (variable: string): string => {
    const line = lineOf(variable);
    return line === undefined ? variable : `${file?.path ?? ''}:${line}: ${keyOf(variable)}`;
  };
  return {
    texts,
    describe: (variable) => `${place(variable)} is ${isSecret(variable) ? '(hidden)' : JSON.stringify(texts[variable] ?? '')}`,
    places(prefix) {
      const set = Object.keys(texts).filter((variable) => variable.startsWith(prefix));
      return set.some((variable) => lineOf(variable) !== undefined) ? ` (set are ${set.map(place).join(', ')})` : '';
    },
    originOf(variable) {
      if (texts[variable] === undefined) return undefined;
      const line = lineOf(variable);
      return line === undefined ? 'environment' : `${file?.path ?? ''}:${line}`;
    },
  };
}
