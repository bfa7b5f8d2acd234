/** The documents of settings, from the table of settings and what docs/configuration.md says of each. */
import { schema } from '../../src/config/config.js';
import { keyOf, pathOf } from '../../src/config/keys.js';
import { bySection, defaultOf, natural, yamlValue } from '../../src/config/show.js';

export type Variable = keyof typeof schema.shape;
export const VARIABLES = Object.keys(schema.shape) as Variable[];

/** `| variable | default | meaning |` or, with keys, `| variable | key | default | meaning |`. */
const ROW = /^\| `(TARDIGRADE_[A-Z0-9_]+)` \|(?: `[a-z][\w.]*` \|)? ([^|]*) \| (.*) \|$/;

export function rowOf(line: string): { readonly variable: string; readonly fallback: string; readonly meaning: string } | undefined {
  const match = ROW.exec(line);
  return match === null ? undefined : { variable: match[1] ?? '', fallback: match[2] ?? '', meaning: match[3] ?? '' };
}

/** The page with the key of each setting in the second column. */
export function withKeys(page: string): string {
  return page
    .split('\n')
    .map((line) => {
      if (/^\| Variable \|/.test(line)) return '| Variable | Key in the file | Default | Meaning |';
      const row = rowOf(line);
      return row === undefined ? line : `| \`${row.variable}\` | \`${keyOf(row.variable)}\` | ${row.fallback} | ${row.meaning} |`;
    })
    .join('\n')
    .replace('| Meaning |\n|---|---|---|\n', '| Meaning |\n|---|---|---|---|\n');
}

const HEAD = `## Settings of Tardigrade: copy to /etc/tardigrade/config.yaml, change what differs, and try it with
##   tardigrade config check /etc/tardigrade/config.yaml
## Values here are the defaults; a setting behind a single # has none, and shows what one looks like.
## Variables of the environment (TARDIGRADE_API_PORT is api.port) win over this file.
`;

/** Every setting with its meaning: defaults in force, the others as comments with a value that would be good. */
export function exampleFile(page: string): string {
  const meanings = new Map(page.split('\n').flatMap((line) => {
    const row = rowOf(line);
    return row === undefined ? [] : [[row.variable, row.meaning] as const];
  }));
  const out = [HEAD];
  for (const [section, members] of bySection(VARIABLES.map((variable) => ({ variable })))) {
    const indent = section === '' ? '' : '  ';
    // A section of comments alone would be a key without a value.
    const set = members.filter(({ variable }) => defaultOf(variable) !== undefined);
    if (section !== '') out.push(`${set.length === 0 ? '# ' : ''}${section}:\n`);
    for (const { variable } of members) {
      const name = pathOf(variable).at(-1) ?? '';
      const value = defaultOf(variable);
      const line = `${name}: ${yamlValue(value ?? exampleOf(variable))}`;
      const off = set.length === 0 && section !== '';
      out.push(`${comment(plain(meanings.get(variable) ?? ''), off ? '' : indent)}${value === undefined ? (off ? `#   ${line}` : `${indent}# ${line}`) : `${indent}${line}`}\n`);
    }
  }
  return out.join('\n');
}

/** Of settings that have no default: the first of these that the rule takes. */
export function exampleOf(variable: Variable): string | number | boolean | readonly string[] {
  const words = variable.replace('TARDIGRADE_', '').toLowerCase();
  const candidates = [
    ...(variable.endsWith('_FILE') ? [`/etc/tardigrade/${words.replace(/_file$/, '').replaceAll('_', '-')}${/TLS/.test(variable) ? '.pem' : /MASTER_KEY/.test(variable) ? '' : '.json'}`] : []),
    ...(variable.endsWith('_REGION') ? ['us-east-1'] : []),
    '30', '1024', 'https://example.com', `your-${words.replaceAll('_', '-')}`,
  ];
  const good = candidates.find((text) => schema.shape[variable].safeParse(text).success);
  if (good === undefined) throw new Error(`${variable} has no default: add a value its rule takes to exampleOf`);
  // Text stays text, also when it looks like a number.
  return /^(30|1024)$/.test(good) && typeof schema.shape[variable].safeParse(good).data !== 'number' ? `your-${words.replaceAll('_', '-')}` : natural(variable, good);
}

const WIDTH = 110;

/** Markdown's marks are of no use in a file: links are their text, with the page in brackets. */
function plain(meaning: string): string {
  return meaning.replace(/\[([\w./-]+)\]\(\1[^)]*\)/g, 'docs/$1').replace(/\[([^\]]+)\]\(([\w./-]+)[^)]*\)/g, '$1 (docs/$2)').replaceAll('`', '').replaceAll('**', '');
}

function comment(text: string, indent: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.map((line) => `${indent}## ${line}\n`).join('');
}
