/** A page's commands as one shell script, and what they printed set beside what the page shows. */
import type { Block } from './blocks.js';

export interface Step {
  /** Of its block in the page. */
  readonly line: number;
  readonly command: string;
  /** What the page shows as its output; none: whatever it prints is right. */
  readonly expected: readonly string[];
}

/** Printed before each step's output: no program prints it by itself. */
export const MARK = '\u001e step ';

/** One shell for all, so that variables and the folder carry over; the first command that fails ends it. */
export function scriptOf(blocks: readonly Block[]): { readonly script: string; readonly steps: readonly Step[] } {
  const steps = blocks.flatMap((block) => [
    ...(block.first === undefined ? [] : [{ line: block.line, command: block.first, expected: [] }]),
    ...(block.language === 'console' ? consoleSteps(block) : [{ line: block.line, command: block.lines.join('\n'), expected: [] }]),
  ]);
  const script = ['set -eo pipefail', ...steps.map(({ command }, index) => `printf '%s%d\\n' '${MARK}' ${index}\n${command}`), `printf '%s%d\\n' '${MARK}' ${steps.length}`, ''].join('\n');
  return { script, steps };
}

/** Lines after `$ ` are commands, with what follows a backslash at the end; the others are output. */
function consoleSteps({ line, lines }: Block): Step[] {
  const steps: { line: number; command: string; expected: string[] }[] = [];
  let open = false;
  for (const [index, text] of lines.entries()) {
    const last = steps.at(-1);
    if (open && last !== undefined) last.command += `\n${text}`;
    else if (text.startsWith('$ ')) steps.push({ line: line + 1 + index, command: text.slice(2), expected: [] });
    else if (last !== undefined) last.expected.push(text);
    else throw new Error(`line ${line + 1 + index}: output before the first command`);
    open = text.endsWith('\\') && (open || text.startsWith('$ '));
  }
  return steps;
}

/** What each step printed, in order; the last one is the step that failed, if one did. */
export function outputsOf(output: string): string[] {
  return output.split(MARK).slice(1).map((part) => part.slice(part.indexOf('\n') + 1));
}

/** Why the output is not what the page shows; undefined if it is. `…` stands for anything, alone for any lines. */
export function compare(expected: readonly string[], output: string): string | undefined {
  if (expected.length === 0) return undefined;
  const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = expected.map((line) => (line.trim() === '…' ? '(?:.*\\n)*?' : `${line.trimEnd().split('…').map(escape).join('.*')}\\s*\\n`)).join('');
  if (new RegExp(`^${pattern}$`).test(output.trimEnd() === '' ? output : `${output.trimEnd()}\n`)) return undefined;
  return `the page shows\n${expected.join('\n')}\nand it printed\n${output}`;
}
