/**
 * Fenced blocks of the documents, and what is to be done with them (CONTRIBUTING.md, "Commands in documents").
 *
 * A block labelled `sh`, `bash` or `console`, or without a label and like them, is commands: a test runs it, unless the comment right before it gives the
 * reason why not. `<!-- run first … -->` is a script that is run before the next block and that readers do not see.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Block {
  /** Of the opening fence, from 1. */
  readonly line: number;
  /** Label of the fence; '' without one. */
  readonly language: string;
  readonly lines: readonly string[];
  /** Why it is not run. */
  readonly notRun?: string;
  /** Script to run before it. */
  readonly first?: string;
}

export interface Page {
  /** From the repository's root. */
  readonly path: string;
  readonly blocks: readonly Block[];
  /** Comments that speak of running, but belong to no block of commands: their lines. */
  readonly strays: readonly number[];
}

const COMMANDS: ReadonlySet<string> = new Set(['sh', 'bash', 'console']);

export function isCommands(block: Block): boolean {
  return COMMANDS.has(block.language) || (block.language === '' && looksLikeCommands(block));
}

/** What would be typed at a prompt, in a block without a label. */
function looksLikeCommands({ lines }: Block): boolean {
  return lines.some((line) => /^(?:[$#] )?(?:sudo |[A-Z_]+=\S+ )*(?:npm|npx|node|tardigrade|aws|curl|docker|podman|apt(?:-get)?|systemctl|journalctl|git|eval|export|mkdir|tar|zip|cd|pip|go) /.test(line));
}

/** Every page whose commands count: at the root, below docs/, and the examples' own. */
export async function pages(): Promise<Page[]> {
  const names = async (folder: string): Promise<string[]> => (await readdir(join(ROOT, folder)).catch(() => [])).sort();
  const markdown = (folder: string, found: readonly string[]): string[] => found.filter((name) => name.endsWith('.md')).map((name) => join(folder, name));
  const examples = await Promise.all((await names('examples')).map(async (name) => markdown(`examples/${name}`, await names(`examples/${name}`).catch(() => []))));
  const paths = [...markdown('', await names('')), ...markdown('docs', await names('docs')), ...examples.flat()];
  return Promise.all(paths.map(async (path) => parsePage(path, await readFile(join(ROOT, path), 'utf8'))));
}

export function parsePage(path: string, text: string): Page {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  const strays: number[] = [];
  let pending: { line: number; notRun?: string; first?: string } | undefined;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const fence = /^\s*(`{3,})\s*([\w-]*)/.exec(line);
    if (fence !== null) {
      const [, ticks = '```', language = ''] = fence;
      const end = lines.findIndex((other, index) => index > at && other.trim() === ticks);
      if (end === -1) throw new Error(`${path}:${at + 1}: this block has no end`);
      const indent = /^\s*/.exec(line)?.[0].length ?? 0;
      const { notRun, first } = pending ?? {};
      const block: Block = { line: at + 1, language, lines: lines.slice(at + 1, end).map((inner) => inner.slice(indent)), ...(notRun === undefined ? {} : { notRun }), ...(first === undefined ? {} : { first }) };
      if (pending !== undefined && !isCommands(block)) strays.push(pending.line);
      blocks.push(block);
      pending = undefined;
      at = end;
    } else if (/^\s*<!-- (?:not run|run first)\b/.test(line)) {
      const end = lines.findIndex((other, index) => index >= at && other.includes('-->'));
      if (end === -1) throw new Error(`${path}:${at + 1}: this comment has no end`);
      const comment = lines.slice(at, end + 1).join('\n').trim();
      const notRun = /^<!-- not run:([^]*)-->$/.exec(comment)?.[1]?.replaceAll(/\s+/g, ' ').trim();
      const first = /^<!-- run first\n([^]*)-->$/.exec(comment)?.[1];
      if (notRun === undefined && first === undefined) strays.push(at + 1);
      pending = { line: pending?.line ?? at + 1, ...pending, ...(notRun === undefined ? {} : { notRun }), ...(first === undefined ? {} : { first }) };
      at = end;
    } else if (line.trim() !== '' && pending !== undefined) {
      strays.push(pending.line);
      pending = undefined;
    }
  }
  if (pending !== undefined) strays.push(pending.line);
  return { path, blocks, strays };
}
