/** Waits for a state of a MicroVM. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api, Microvm } from '../client/api.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { durationText } from '../output/units.js';
import { shortId } from '../resolve.js';

const POLL_MS = 50;

/** Throws CliError when it ends instead, or `seconds` are over. */
export async function reach(api: Api, id: string, wanted: 'RUNNING' | 'SUSPENDED' | 'TERMINATED', seconds: number): Promise<Microvm> {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const microvm = await api.microvm(id);
    if (microvm.state === wanted) return microvm;
    const reason = microvm.stateReason ? `: ${microvm.stateReason}` : '';
    if (microvm.state === 'TERMINATED') throw new CliError(EXIT.failed, `MicroVM ${id} has ended before it was ${wanted}${reason}`, [`read what the application said: tardigrade logs ${shortId(id)}`]);
    if (Date.now() >= until) throw new CliError(EXIT.timeout, `MicroVM ${id} is ${microvm.state} after ${durationText(seconds)}, not ${wanted}${reason}`, [`it goes on; look again: tardigrade inspect ${shortId(id)}`, 'or wait longer: --timeout 5m']);
    await sleep(POLL_MS);
  }
}
