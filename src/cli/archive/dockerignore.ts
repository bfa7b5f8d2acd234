/** `.dockerignore`, by Docker's rules: https://docs.docker.com/build/concepts/context/#dockerignore-files */
import { posix } from 'node:path';

interface Rule {
  readonly pattern: RegExp;
  /** `!`: what it fits is kept after all. */
  readonly keeps: boolean;
}

export interface Ignore {
  /** Is the path, relative and with `/`, left out? The last rule that fits it, or a folder above it, decides. */
  excludes(path: string): boolean;
  /** Is there a rule that may keep something below a folder that is left out? */
  readonly hasExceptions: boolean;
}

/** Docker sends these whatever the file says. */
const ALWAYS = new Set(['Dockerfile', '.dockerignore']);

export function parseDockerignore(text: string): Ignore {
  const rules = text.replace(/^\ufeff/, '').split('\n').flatMap(parseRule);
  return {
    hasExceptions: rules.some(({ keeps }) => keeps),
    excludes(path) {
      if (ALWAYS.has(path)) return false;
      const parts = path.split('/');
      const above = parts.map((_, i) => parts.slice(0, i + 1).join('/'));
      let excluded = false;
      for (const { pattern, keeps } of rules) if (excluded === keeps && above.some((name) => pattern.test(name))) excluded = !keeps;
      return excluded;
    },
  };
}

function parseRule(line: string): Rule[] {
  if (line.startsWith('#')) return [];
  const trimmed = line.trim();
  const keeps = trimmed.startsWith('!');
  const given = (keeps ? trimmed.slice(1) : trimmed).trim();
  if (given === '') return [];
  const clean = posix.normalize(given).replace(/^\/+/, '').replace(/\/+$/, '');
  return clean === '' || clean === '.' ? [] : [{ pattern: toRegExp(clean), keeps }];
}

/** Go's filepath.Match, and `**` for any number of folders. */
function toRegExp(glob: string): RegExp {
  let source = '';
  for (let i = 0; i < glob.length; i++) {
    const char = glob.charAt(i);
    if (char === '*' && glob[i + 1] === '*') {
      i++;
      if (glob[i + 1] === '/') {
        i++;
        source += '(?:.*/)?';
      } else source += '.*';
    } else if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '[') {
      const end = glob.indexOf(']', i + 2);
      if (end < 0) source += '\\[';
      else {
        source += `[${glob.slice(i + 1, end).replace(/^!/, '^').replaceAll('\\', '\\\\')}]`;
        i = end;
      }
    } else {
      if (char === '\\' && i + 1 < glob.length) i++;
      source += glob.charAt(i).replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`, 's');
}
