/** Short words about what was done or went wrong, read out by screen readers. */
import { ApiError } from '../api/client.js';

export interface Notice {
  readonly id: number;
  readonly tone: 'good' | 'bad';
  readonly text: string;
}

const SHOWN_MS = 6_000;
let last = 0;
let notices: readonly Notice[] = [];
const listeners = new Set<(notices: readonly Notice[]) => void>();

function set(value: readonly Notice[]): void {
  notices = value;
  for (const listener of listeners) listener(value);
}

export function onNotices(listener: (notices: readonly Notice[]) => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

export function say(tone: Notice['tone'], text: string): void {
  last += 1;
  const notice = { id: last, tone, text };
  set([...notices.slice(-3), notice]);
  // What went wrong stays until it is dismissed: it says what to do.
  if (tone === 'good') setTimeout(() => dismiss(notice.id), SHOWN_MS);
}

export function dismiss(id: number): void {
  set(notices.filter((notice) => notice.id !== id));
}

/** Does it, and says how it went. Answers whether it went well. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done !== undefined) say('good', done);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say('bad', error.message);
    return false;
  }
}
