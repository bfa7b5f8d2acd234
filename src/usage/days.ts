/** Spans of time, cut at UTC midnights. */

const DAY_MS = 86_400_000;

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export function startOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`);
}

/** The days that the `seconds` before `end` fall on, with their share of the whole, 0..1; a span of no length has one. */
export function splitByDay(end: number, seconds: number): { readonly day: string; readonly share: number }[] {
  const start = end - seconds * 1000;
  if (seconds <= 0) return [{ day: dayOf(end), share: 1 }];
  const parts: { day: string; share: number }[] = [];
  for (let at = start; at < end; ) {
    const next = Math.min(end, (Math.floor(at / DAY_MS) + 1) * DAY_MS);
    parts.push({ day: dayOf(at), share: (next - at) / (end - start) });
    at = next;
  }
  return parts;
}
