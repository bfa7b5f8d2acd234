/** What may come next on a command line: commands, options, and names the server knows. */
import type { Command } from 'commander';
import type { Api } from '../client/api.js';
import { shortId } from '../resolve.js';

/** A server that is slow or away must not hold up the typing. ms */
const SERVER_MS = 1500;

/** `words`: all after `tardigrade`; the last is being typed, '' when nothing of it is there yet. */
export async function candidates(program: Command, words: readonly string[], api: () => Promise<Api>): Promise<string[]> {
  const typed = words.at(-1) ?? '';
  let command = program;
  let skip = false;
  let given = 0;
  for (const word of words.slice(0, -1)) {
    if (skip) skip = false;
    else if (word.startsWith('-')) skip = takesValue(command, word);
    else {
      const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
      if (next === undefined) given++;
      else command = next;
    }
  }
  if (skip) return [];
  if (typed.startsWith('-')) return command.options.flatMap(({ short, long }) => [short, long]).filter((name) => name !== undefined && name.startsWith(typed)) as string[];
  const commands = command.createHelp().visibleCommands(command).map((one) => one.name());
  const names = commands.length > 0 ? commands : await serverNames(command, given, api);
  return names.filter((name) => name.startsWith(typed));
}

function takesValue(command: Command, word: string): boolean {
  const option = command.options.find(({ short, long }) => short === word || long === word);
  return option !== undefined && (option.required || option.optional);
}

/** By the name of the argument, as help shows it. */
async function serverNames(command: Command, given: number, api: () => Promise<Api>): Promise<string[]> {
  const wanted = command.registeredArguments[Math.min(given, command.registeredArguments.length - 1)];
  if (wanted === undefined || (given >= command.registeredArguments.length && !wanted.variadic)) return [];
  const name = wanted.name();
  if (name === 'shell') return ['bash', 'zsh', 'fish'];
  const kinds = { images: /image|name/.test(name), microvms: /id|name|from|to/.test(name) };
  if (!kinds.images && !kinds.microvms) return [];
  const ask = async (): Promise<string[]> => {
    const client = await api();
    const [images, microvms] = await Promise.all([kinds.images ? client.images() : [], kinds.microvms ? client.microvms() : []]);
    return [...images.map((image) => image.name), ...microvms.filter(({ state }) => state !== 'TERMINATED').map(({ microvmId }) => shortId(microvmId))];
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string[]>((resolve) => (timer = setTimeout(() => resolve([]), SERVER_MS)));
  // Without a server there is nothing to offer, and nobody to tell.
  return Promise.race([ask().catch(() => []), late]).finally(() => clearTimeout(timer));
}
