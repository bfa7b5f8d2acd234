/** Takes events from the queue. Everything is done here but the customer's code, which gets a MicroVM for the one event. */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { Example } from '../client/example.js';
import { json } from '../client/json.js';
import type { Job, Queue } from './queue.js';

const STEP_MS = 10_000;
const reply = z.union([z.object({ result: z.unknown() }).strict(), z.object({ error: z.string() }).strict()]);
/** What the platform goes on with: whatever came out of the step is checked as any input. */
const outcome = z.object({ cents: z.number().int().min(0) });

export async function work(it: Example, queue: Queue, codeOf: Readonly<Record<string, string>>): Promise<void> {
  for (let job = queue.take(); job !== undefined; job = queue.take()) {
    try {
      const { cents } = outcome.parse(await untrusted(it, job, codeOf[job.customer] ?? ''));
      queue.done(job, { cents });
    } catch (error) {
      queue.failed(job, error instanceof Error ? error.message : String(error));
    }
  }
}

async function untrusted(it: Example, job: Job, code: string): Promise<unknown> {
  const vm = await it.run({
    // A worker that dies leaves nothing for long: the MicroVM ends by itself.
    maximumDurationInSeconds: 60, egressNetworkConnectors: [`arn:aws:lambda:${it.region}:tardigrade:network-connector:tardigrade-network-connector:NO_EGRESS`],
  });
  const over = new AbortController();
  const late = pause(STEP_MS, undefined, { signal: over.signal }).then(() => Promise.reject(new Error(`not done after ${STEP_MS / 1000} s`)));
  const call = json<unknown>(vm, '/step', { code, event: JSON.parse(job.event) as unknown });
  for (const loser of [late, call]) loser.catch(() => undefined); // the one that is not waited for any more
  try {
    const answer = reply.parse(await Promise.race([call, late]));
    if ('error' in answer) throw new Error(answer.error);
    return answer.result;
  } finally {
    over.abort();
    await vm.terminate();
  }
}
