/** Keeps a guest that asks on and on from filling the daemon's log. */

/** ms between two lines about one subject that say the same. */
const AGAIN_MS = 60_000;
/** Subjects remembered; beyond, all are forgotten and told again. */
const MAX_SUBJECTS = 10_000;

/** Is it time to say this of the subject? Without a text: to say anything. `steady`: as Clock.steady, ms. */
export function createSeldom(steady: () => number): (subject: string, text?: string) => boolean {
  const told = new Map<string, { readonly text: string; readonly at: number }>();
  return (subject, text = '') => {
    const last = told.get(subject);
    if (last?.text === text && steady() - last.at < AGAIN_MS) return false;
    if (told.size >= MAX_SUBJECTS) told.clear();
    told.set(subject, { text, at: steady() });
    return true;
  };
}
