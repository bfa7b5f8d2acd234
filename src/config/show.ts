/** All settings as a configuration file: what is in force, and where it comes from. */
import { stringify } from 'yaml';
import { schema } from './config.js';
import type { SettingsFile } from './file.js';
import { isSecret, keyOf, pathOf } from './keys.js';
import { createSources } from './sources.js';

type Value = string | number | boolean | readonly string[];

export interface ShownSetting {
  readonly key: string;
  readonly variable: string;
  /** null: not set, and it has no default. */
  readonly value: Value | null;
  /** `default`, `environment` or `<file>:<line>`. */
  readonly from: string;
}

type Variable = keyof typeof schema.shape;

/** To be called with settings that are good. */
export function effectiveSettings(env: NodeJS.ProcessEnv, file?: SettingsFile): ShownSetting[] {
  const variables = Object.keys(schema.shape) as Variable[];
  const sources = createSources(variables, env, file);
  return variables.map((variable) => {
    const text = sources.texts[variable];
    const value = text === undefined ? defaultOf(variable) : isSecret(variable) ? '(hidden)' : natural(variable, text);
    return { key: keyOf(variable), variable, value: value ?? null, from: sources.originOf(variable) ?? 'default' };
  });
}

/** Sections together, those of no section first. `note`: a comment behind each value. */
export function toYaml(settings: readonly ShownSetting[], note: (setting: ShownSetting) => string | undefined): string {
  const lines: string[] = [];
  for (const [section, members] of bySection(settings)) {
    if (section !== '') lines.push('', `${section}:`);
    for (const setting of members) {
      const indent = section === '' ? '' : '  ';
      const comment = note(setting);
      const line = `${setting.value === null ? '# ' : ''}${pathOf(setting.variable).at(-1) ?? ''}:${setting.value === null ? '' : ` ${yamlValue(setting.value)}`}`;
      lines.push(`${indent}${line}${comment === undefined ? '' : `  # ${comment}`}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

export function bySection<T extends { readonly variable: string }>(settings: readonly T[]): Map<string, T[]> {
  const sections = new Map<string, T[]>([['', []]]);
  for (const setting of settings) {
    const path = pathOf(setting.variable);
    const section = path.length === 2 ? path[0] : '';
    sections.set(section, [...(sections.get(section) ?? []), setting]);
  }
  return sections;
}

/** On one line. Text that would read as another type, such as an account id, is quoted. */
export function yamlValue(value: Value): string {
  return stringify(value, { lineWidth: 0, collectionStyle: 'flow', defaultStringType: typeof value === 'string' && /^\d+$/.test(value) ? 'QUOTE_DOUBLE' : 'PLAIN' }).trim();
}

/** undefined: it has none. */
export function defaultOf(variable: Variable): Value | undefined {
  const { def } = schema.shape[variable];
  if (!('defaultValue' in def)) return undefined;
  const value = def.defaultValue as Value;
  return typeof value === 'string' ? natural(variable, value) : value;
}

/** A text of the environment as one would write it in a file. */
export function natural(variable: Variable, text: string): Value {
  const rule = schema.shape[variable];
  if (rule.safeParse('0').data === '0' && rule.safeParse('1').data === '1' && !rule.safeParse('2').success) return text === '1';
  const parsed = rule.safeParse(text).data;
  if (typeof parsed === 'number') return parsed;
  return Array.isArray(parsed) ? parsed : text;
}
