/** A page of all streams of a group, merged into one order (`GroupCursor`). */
import type { GroupCursor, GroupPage, GroupPageRequest } from './contracts.js';
import { linesFrom, seekOrder, type Line } from './lines.js';
import { eventOf, PageBudget, within } from './stream-page.js';
import type { StreamView } from './segments.js';

export interface MergeSource {
  readonly name: string;
  /** `order` of its first and last event. */
  readonly firstOrder: number;
  readonly lastOrder: number;
  open(): Promise<StreamView>;
}

/** The next line of one stream. */
class Reader {
  #batch: Line[] = [];
  #index = 0;

  private constructor(
    readonly name: string,
    readonly lines: AsyncGenerator<Line[]>,
  ) {}

  static async open(source: MergeSource, { startTime = 0, after }: GroupPageRequest): Promise<Reader> {
    const view = await source.open();
    const reader = new Reader(source.name, linesFrom(view, await seekOrder(view, Math.max(startTime, after?.order ?? 0))));
    await reader.#fill();
    while (after !== undefined && reader.line !== undefined && compare(reader.line, source.name, after) <= 0) await reader.advance();
    return reader;
  }

  get line(): Line | undefined {
    return this.#batch[this.#index];
  }

  async advance(): Promise<void> {
    this.#index++;
    await this.#fill();
  }

  async #fill(): Promise<void> {
    while (this.#index >= this.#batch.length) {
      const next = await this.lines.next();
      this.#index = 0;
      this.#batch = next.done === true ? [] : next.value;
      if (next.done === true) return;
    }
  }
}

/** A stream is opened when the merge reaches its first event: memory follows the streams that overlap in time. */
export async function groupPage(sources: readonly MergeSource[], request: GroupPageRequest): Promise<GroupPage> {
  const from = Math.max(request.startTime ?? 0, request.after?.order ?? 0);
  const waiting = sources
    .filter((source) => source.lastOrder >= from)
    .map((source) => ({ source, opensAt: Math.max(source.firstOrder, from) }))
    .sort((a, b) => b.opensAt - a.opensAt);
  const budget = new PageBudget(request.limit, request.maxBytes);
  const events: GroupPage['events'][number][] = [];
  let readers: Reader[] = [];
  let last = request.after;
  for (;;) {
    const next = earliest(readers);
    const opening = waiting.at(-1);
    if (opening !== undefined && (next === undefined || opening.opensAt <= next.line.order)) {
      waiting.pop();
      readers.push(await Reader.open(opening.source, request));
      continue;
    }
    readers = readers.filter((reader) => reader.line !== undefined);
    if (next === undefined) return { events };
    const { line, reader } = next;
    if (budget.full(line)) return { events, next: last };
    last = { order: line.order, stream: reader.name, offset: line.offset };
    budget.scanned(line);
    if (within(line, request) && request.matches(line.text)) {
      events.push({ ...eventOf(line), stream: reader.name });
      budget.taken(line);
    }
    await reader.advance();
  }
}

function earliest(readers: readonly Reader[]): { line: Line; reader: Reader } | undefined {
  let best: { line: Line; reader: Reader } | undefined;
  for (const reader of readers) {
    const { line } = reader;
    if (line === undefined) continue;
    if (best === undefined || compare(line, reader.name, { order: best.line.order, stream: best.reader.name, offset: best.line.offset }) < 0) best = { line, reader };
  }
  return best;
}

function compare(line: Line, name: string, cursor: GroupCursor): number {
  if (line.order !== cursor.order) return line.order - cursor.order;
  if (name !== cursor.stream) return name < cursor.stream ? -1 : 1;
  return line.offset - cursor.offset;
}
