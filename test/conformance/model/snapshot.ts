/** The model as one flat list of facts, each a line of text: what a snapshot holds and what two models are compared by. */
import { fileURLToPath } from 'node:url';
import type { Member, SdkModel, Shape } from './sdk-model.js';

export interface Snapshot {
  /** The SDK it was taken from; not compared. */
  readonly sdk: string;
  readonly facts: readonly string[];
}

export const snapshotPath = fileURLToPath(new URL('lambda-microvms.json', import.meta.url));

export function snapshotOf(model: SdkModel): Snapshot {
  const facts = new Set<string>();
  const addMembers = (owner: string, members: Readonly<Record<string, Member>>): void => {
    for (const [name, { shape, required, at }] of Object.entries(members)) {
      facts.add(`member ${owner}.${name}: ${typeText(shape)}${required ? ', required' : ''}${at === 'body' ? '' : `, ${at}`}`);
      addShape(shape);
    }
  };
  const addShape = (shape: Shape): void => {
    if (shape.kind === 'list' || shape.kind === 'map') addShape(shape.member);
    if (shape.kind === 'structure' || shape.kind === 'union') {
      facts.add(`${shape.kind} ${shape.name}`);
      addMembers(shape.name, shape.members);
    }
  };
  for (const { name, method, path, status, input, output, throws } of model.operations) {
    facts.add(`operation ${name}: ${method} ${path} ${status}, ${typeText(input)} -> ${typeText(output)}`);
    for (const error of throws) facts.add(`throws ${name}: ${error}`);
    addShape(input);
    addShape(output);
  }
  for (const [name, { status, members }] of Object.entries(model.errors)) {
    facts.add(`error ${name}: ${status}`);
    addMembers(name, members);
  }
  for (const [name, values] of Object.entries(model.enums)) for (const value of values) facts.add(`enum ${name}: ${value}`);
  return { sdk: model.version, facts: [...facts].sort() };
}

/** Lines `+ fact` for what `theirs` has beyond `ours`, `- fact` for the reverse. */
export function difference(ours: Snapshot, theirs: Snapshot): string[] {
  const [mine, other] = [new Set(ours.facts), new Set(theirs.facts)];
  return [...theirs.facts.filter((fact) => !mine.has(fact)).map((fact) => `+ ${fact}`), ...ours.facts.filter((fact) => !other.has(fact)).map((fact) => `- ${fact}`)];
}

function typeText(shape: Shape): string {
  if (shape.kind === 'list' || shape.kind === 'map') return `${shape.kind}<${typeText(shape.member)}>`;
  return shape.kind === 'structure' || shape.kind === 'union' ? shape.name : shape.kind;
}
