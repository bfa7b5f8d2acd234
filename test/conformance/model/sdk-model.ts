/**
 * The service model as the installed SDK carries it: its exports `<Name>$` are Smithy's schemas in the packed form of
 * `@smithy/core/schema` (a kind, a namespace, a name, traits, then what the kind needs), read here into plain trees.
 */
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as sdk from '@aws-sdk/client-lambda-microvms';

export type Shape =
  | { readonly kind: 'string' | 'number' | 'boolean' | 'timestamp' | 'unit' }
  | { readonly kind: 'list' | 'map'; readonly member: Shape }
  | { readonly kind: 'structure' | 'union'; readonly name: string; readonly members: Readonly<Record<string, Member>> };

export interface Member {
  readonly shape: Shape;
  readonly required: boolean;
  /** Where a request or an error carries it, e.g. `query tagKeys`. */
  readonly at: string;
}

export interface OperationModel {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly input: Shape;
  readonly output: Shape;
  /** Names of the errors its documentation lists. */
  readonly throws: readonly string[];
}

export interface ErrorModel {
  readonly status: number;
  readonly members: Readonly<Record<string, Member>>;
}

export interface SdkModel {
  /** Of the package. */
  readonly version: string;
  readonly operations: readonly OperationModel[];
  readonly errors: Readonly<Record<string, ErrorModel>>;
  readonly enums: Readonly<Record<string, readonly string[]>>;
}

const errorKind = -3;
const operationKind = 9;
const simpleKinds: Readonly<Record<number, 'string' | 'number' | 'boolean' | 'timestamp'>> = { 0: 'string', 1: 'number', 2: 'boolean', 4: 'timestamp' };

/** Throws Error when the SDK packs a schema in a way this reader does not know. */
export async function readSdkModel(): Promise<SdkModel> {
  const packageFolder = join(dirname(createRequire(import.meta.url).resolve('@aws-sdk/client-lambda-microvms')), '..');
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  const thrown = await readThrows(join(packageFolder, 'dist-types/commands'));
  const operations: OperationModel[] = [];
  const errors: Record<string, ErrorModel> = {};
  const enums: Record<string, readonly string[]> = {};
  for (const [name, value] of Object.entries<unknown>(sdk)) {
    if (isEnum(value)) enums[name] = Object.values(value).sort();
    if (!name.endsWith('$') || !Array.isArray(value)) continue;
    const [kind, , shapeName, traits] = value as [number, string, string, Readonly<Record<string, unknown>>];
    if (kind === operationKind) {
      const [method, path, status] = traits['http'] as [string, string, number];
      operations.push({ name: shapeName, method, path, status, input: readShape(value[4]), output: readShape(value[5]), throws: thrown.get(shapeName) ?? [] });
    }
    if (kind === errorKind && traits !== (0 as unknown) && traits['httpError'] !== undefined) {
      errors[shapeName] = { status: Number(traits['httpError']), members: readMembers(value) };
    }
  }
  operations.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { version, operations, errors, enums };
}

function isEnum(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0 && Object.entries(value).every(([name, text]) => name === text);
}

function readShape(packed: unknown): Shape {
  if (typeof packed === 'function') return readShape((packed as () => unknown)());
  if (packed === 'unit') return { kind: 'unit' };
  if (typeof packed === 'number') {
    if (packed & 128) return { kind: 'map', member: readShape(packed & ~128) };
    if (packed & 64) return { kind: 'list', member: readShape(packed & ~64) };
    const kind = simpleKinds[packed];
    if (kind === undefined) throw new Error(`the SDK's model has a simple schema ${packed}, which this reader does not know`);
    return { kind };
  }
  if (!Array.isArray(packed)) throw new Error(`the SDK's model has a schema that is no array: ${String(packed)}`);
  // A schema with traits of its use, e.g. `[0, 1]`: a string that is a label.
  if (typeof packed[1] !== 'string') return readShape(packed[0]);
  switch (packed[0]) {
    case 0:
      return readShape(packed[4]);
    case 1:
      return { kind: 'list', member: readShape(packed[4]) };
    case 2:
      return { kind: 'map', member: readShape(packed[5]) };
    case 3:
    case 4:
      return { kind: packed[0] === 3 ? 'structure' : 'union', name: String(packed[2]), members: readMembers(packed) };
    default:
      throw new Error(`the SDK's model has a schema of kind ${String(packed[0])}, which this reader does not know`);
  }
}

/** Required members come first; their count is the seventh element. */
function readMembers(packed: readonly unknown[]): Readonly<Record<string, Member>> {
  const names = packed[4] as readonly string[];
  const schemas = packed[5] as readonly unknown[];
  const required = Number(packed[6] ?? 0);
  return Object.fromEntries(names.map((name, i) => [name, { shape: readShape(schemas[i]), required: i < required, at: placeOf(schemas[i]) }]));
}

function placeOf(packed: unknown): string {
  const traits: unknown = Array.isArray(packed) && typeof packed[1] !== 'string' ? packed[1] : 0;
  if (traits === 1) return 'label';
  if (traits === 4) return 'idempotency token';
  if (typeof traits !== 'object' || traits === null) return 'body';
  const { httpQuery, httpHeader } = traits as { httpQuery?: string; httpHeader?: string };
  if (httpQuery !== undefined) return `query ${httpQuery}`;
  return httpHeader === undefined ? 'body' : `header ${httpHeader}`;
}

/** From the documentation in the type declarations: the schemas do not say which errors an operation has. */
async function readThrows(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('Command.d.ts'));
  const entries = await Promise.all(
    files.map(async (file): Promise<[string, string[]]> => {
      const found = (await readFile(join(folder, file), 'utf8')).matchAll(/@throws \{@link (\w+Exception)\} \((?:client|server) fault\)/g);
      return [file.replace('Command.d.ts', ''), [...found].map((match) => match[1] ?? '').sort()];
    }),
  );
  return new Map(entries);
}
