/**
 * The configuration file: YAML (so JSON too), each key a setting. Its values become the texts that the environment would
 * hold, so that one set of rules judges both.
 */
import { readFile, stat } from 'node:fs/promises';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar, type YAMLMap } from 'yaml';
import { messageOf, OperatorError } from '../errors/index.js';
import { mustBePrivate } from '../files/private-files.js';
import { isSecret, keyOf, nearest, pathOf } from './keys.js';

export interface FileValue {
  readonly text: string;
  readonly line: number;
}

export interface SettingsFile {
  readonly path: string;
  /** By variable. */
  readonly values: ReadonlyMap<string, FileValue>;
}

/** Throws OperatorError that names the file and each line of it that cannot be used. */
export async function readSettingsFile(path: string, variables: readonly string[]): Promise<SettingsFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new OperatorError(`cannot read the configuration file ${path}: ${messageOf(error)}`);
  }
  const file = parseSettings(path, text, variables);
  const secret = [...file.values.keys()].find(isSecret);
  if (secret !== undefined) mustBePrivate(path, (await stat(path)).mode, `holds a secret (${keyOf(secret)})`);
  return file;
}

export function parseSettings(path: string, text: string, variables: readonly string[]): SettingsFile {
  const reader = new Reader(path, variables);
  const values = reader.read(text);
  if (reader.problems.length > 0) throw new OperatorError(`bad configuration file:\n  ${reader.problems.join('\n  ')}`);
  return { path, values };
}

class Reader {
  readonly problems: string[] = [];
  private readonly lines = new LineCounter();
  /** By key as it is written, `api.port`: the variable. */
  private readonly known: ReadonlyMap<string, string>;
  private readonly sections: ReadonlySet<string>;
  private readonly values = new Map<string, FileValue>();

  constructor(
    private readonly path: string,
    variables: readonly string[],
  ) {
    this.known = new Map(variables.map((variable) => [keyOf(variable), variable]));
    this.sections = new Set(variables.map(pathOf).flatMap((of) => (of.length === 2 ? [of[0]] : [])));
  }

  read(text: string): ReadonlyMap<string, FileValue> {
    const document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false, uniqueKeys: true });
    for (const { pos, message } of document.errors) this.problem(this.lines.linePos(pos[0]).line, `not YAML: ${message}`);
    if (document.errors.length > 0 || document.contents === null) return this.values;
    if (isMap(document.contents)) this.map(document.contents, '');
    // Nothing but comments and blanks is an empty file.
    else if (!isScalar(document.contents) || document.contents.value !== null) this.problem(1, 'must hold keys and values, like "region: eu-central-1"');
    return this.values;
  }

  private map(map: YAMLMap, section: string): void {
    for (const { key: name, value } of map.items as { key: Scalar; value: Node | null }[]) {
      const line = this.lineOf(name);
      const key = section === '' ? String(name.value) : `${section}.${String(name.value)}`;
      const variable = this.known.get(key);
      if (variable !== undefined) this.setting(variable, key, value, line);
      else if (!this.sections.has(key)) this.unknown(key, line);
      else if (isMap(value)) this.map(value, key);
      else if (value !== null && !(isScalar(value) && value.value === null)) this.problem(line, `${key} is a section: put its keys below it, indented`);
    }
  }

  private setting(variable: string, key: string, value: Node | null, line: number): void {
    const text = isSeq(value) ? this.list(value.items) : textOf(value);
    if (text === undefined) this.problem(line, `${key} has no value this program can use: give it text, a number, true, false or a list, or remove the line`);
    else this.values.set(variable, { text, line });
  }

  private list(items: readonly unknown[]): string | undefined {
    const texts = items.map(textOf);
    return texts.includes(undefined) ? undefined : texts.join(',');
  }

  private unknown(key: string, line: number): void {
    const like = nearest(key, [...this.known.keys(), ...this.sections]);
    this.problem(line, `${key} is no setting${like === undefined ? '' : `; the nearest is ${like}`}. docs/configuration.md has them all`);
  }

  private lineOf(node: Node): number {
    return this.lines.linePos(node.range?.[0] ?? 0).line;
  }

  private problem(line: number, what: string): void {
    this.problems.push(`${this.path}:${line}: ${what}`);
  }
}

/** A plain number as it is written: an account id keeps its zeros. */
function textOf(node: unknown): string | undefined {
  if (!isScalar(node)) return undefined;
  const { value, source } = node;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number' || typeof value === 'bigint') return source ?? String(value);
  return typeof value === 'string' ? value : undefined;
}
