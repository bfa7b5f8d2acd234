/** Requests made from the model: for every member of an input, however deep, one that carries it and is valid otherwise. */
import type { OperationModel, Shape } from './sdk-model.js';
import { pathText, valuesOf } from './values.js';

export type Path = readonly string[];
export type Input = Readonly<Record<string, unknown>>;

/** Values of members that name something; the rest is taken from the constraints. */
export type Samples = (operation: string, member: string) => unknown;

/** The key of the entry that {@link withValue} puts into a map. */
export const mapKey = 'KEY';

/** Leaves, and the lists and maps on the way to them. */
export function* pathsOf(shape: Shape, path: Path = []): Generator<{ readonly path: Path; readonly shape: Shape }> {
  if (shape.kind === 'structure' || shape.kind === 'union') {
    const members = Object.entries(shape.members);
    if (members.length === 0 && path.length > 0) yield { path, shape };
    for (const [name, member] of members) yield* pathsOf(member.shape, [...path, name]);
    return;
  }
  yield { path, shape };
  if (shape.kind === 'list' || shape.kind === 'map') {
    for (const inner of pathsOf(shape.member, [...path, shape.kind === 'list' ? '[]' : '{}'])) yield inner;
  }
}

/** Required members alone. */
export function minimal({ name, input }: OperationModel, samples: Samples): Input {
  return input.kind === 'unit' ? {} : (sample(name, input, [], samples) as Input);
}

/** As {@link minimal}, with the member at `path` and what it needs around it. */
export function withValue({ name, input }: OperationModel, path: Path, value: unknown, samples: Samples): Input {
  return put(name, input, [], path, value, samples) as Input;
}

/** Required members of all structures, at any depth, that {@link withValue} can leave out. */
export function* requiredPaths(shape: Shape, path: Path = []): Generator<Path> {
  if (shape.kind === 'list') yield* requiredPaths(shape.member, [...path, '[]']);
  if (shape.kind !== 'structure' && shape.kind !== 'union') return;
  for (const [name, member] of Object.entries(shape.members)) {
    if (member.required && member.at !== 'label') yield [...path, name];
    yield* requiredPaths(member.shape, [...path, name]);
  }
}

/** The place in a message: `allowedPorts.1.member.port`, `tags.KEY`; query members by their wire name. */
export function wirePath({ input }: OperationModel, path: Path): string {
  const [first = '', ...rest] = path;
  const at = input.kind === 'structure' ? input.members[first]?.at : undefined;
  const parts = [at?.startsWith('query ') ? at.slice('query '.length) : first, ...rest];
  return parts.map((part) => (part === '[]' ? '1.member' : part === '{}' ? mapKey : part)).join('.');
}

function put(operation: string, shape: Shape, at: Path, rest: Path, value: unknown, samples: Samples): unknown {
  const [next, ...further] = rest;
  if (next === undefined) return value;
  if (shape.kind === 'list') return [put(operation, shape.member, [...at, next], further, value, samples)];
  if (shape.kind === 'map') return { [mapKey]: put(operation, shape.member, [...at, next], further, value, samples) };
  if (shape.kind !== 'structure' && shape.kind !== 'union') throw new Error(`${operation}: ${pathText([...at, next])} leads into a ${shape.kind}`);
  const member = shape.members[next];
  if (member === undefined) throw new Error(`${operation}: no member ${pathText([...at, next])}`);
  const others = shape.kind === 'structure' ? (sample(operation, shape, at, samples) as Input) : {};
  return { ...others, [next]: put(operation, member.shape, [...at, next], further, value, samples) };
}

function sample(operation: string, shape: Shape, at: Path, samples: Samples): unknown {
  if (shape.kind === 'structure') {
    const required = Object.entries(shape.members).filter(([, member]) => member.required);
    return Object.fromEntries(required.map(([name, member]) => [name, sample(operation, member.shape, [...at, name], samples)]));
  }
  if (shape.kind === 'union') {
    const [name = '', member] = Object.entries(shape.members)[0] ?? [];
    return member === undefined ? {} : { [name]: sample(operation, member.shape, [...at, name], samples) };
  }
  return samples(operation, at.at(-1) ?? '') ?? valuesOf(operation, at)?.good[0];
}
