/**
 * The daemon's clock. Its steady timeline is the host's uptime plus an offset that is chosen once per boot, so that
 * the wall clock's time and the timeline's agree at first, and kept in `<data>/timeline.json`: limits of a MicroVM that
 * outlives a daemon hold, also when the wall clock was set meanwhile. After a reboot the wall clock is trusted again.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type Clock, systemClock } from './index.js';

const schema = z.object({ bootId: z.string(), offsetMs: z.number() });

/** `boot`: id of the host's boot and ms since then. */
export async function openTimeline(dataDir: string, boot = hostBoot): Promise<Clock> {
  const file = join(dataDir, 'timeline.json');
  const { bootId, uptimeMs } = await boot();
  const kept = await read(file);
  const offsetMs = kept?.bootId === bootId ? kept.offsetMs : Date.now() - uptimeMs;
  if (kept?.bootId !== bootId) {
    await writeFile(`${file}.new`, JSON.stringify({ bootId, offsetMs }), { mode: 0o600, flush: true });
    await rename(`${file}.new`, file);
  }
  // From here on the monotonic clock, which costs less than asking for the uptime.
  const start = offsetMs + uptimeMs - performance.now();
  return { ...systemClock, steady: () => Math.round(start + performance.now()) };
}

async function read(file: string): Promise<z.infer<typeof schema> | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined; // absent or damaged: begun anew
  }
}

async function hostBoot(): Promise<{ bootId: string; uptimeMs: number }> {
  return { bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(), uptimeMs: uptime() * 1000 };
}

/** Largest difference between wall clock and timeline, in ms, that is drift and no step. */
const STEP_MS = 1_000;
const WATCH_MS = 1_000;

/** Calls `stepped` with the ms by which the wall clock was set forward (or back, negative). Answers the end of the watch. */
export function watchSteps(clock: Clock, stepped: (byMs: number) => void): () => void {
  let skew = clock.now() - clock.steady();
  let cancel: () => void;
  const look = (): void => {
    const now = clock.now() - clock.steady();
    if (Math.abs(now - skew) > STEP_MS) stepped(Math.round(now - skew));
    skew = now;
    cancel = clock.after(WATCH_MS, look);
  };
  cancel = clock.after(WATCH_MS, look);
  return () => cancel();
}
