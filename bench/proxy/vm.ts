/** The same load through a MicroVM: Flask on Werkzeug, so the figures are mostly its own and the accelerator's. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { flaskImage } from '../../test/integration/support/images.js';
import { runVm, tokenFor } from '../../test/integration/support/microvms.js';
import { closeShared, sharedService } from '../../test/integration/support/service.js';
import { row, summarise } from '../statistics.js';
import { wrk } from './wrk.js';

const ROUNDS = 3;
const SECONDS = 3;

export async function throughVm(dir: string, cpu: number): Promise<void> {
  const service = await sharedService();
  try {
    const vm = await runVm(service, await flaskImage('ready'));
    const [host = ''] = vm.endpoint.split(':');
    const hosts = join(dir, 'vm-hosts');
    await writeFile(hosts, `127.0.0.1 localhost ${host}\n`);
    const headers = { 'X-aws-proxy-auth': await tokenFor(service, vm.id, 8080) };
    for (const connections of [1, 16]) {
      const outcomes = [];
      for (let round = 0; round < ROUNDS; round++) outcomes.push(await wrk({ url: `https://${vm.endpoint}/`, headers, connections, seconds: SECONDS, cpu, hosts }));
      console.log(row(`Flask in a VM, connections: ${connections}`, summarise(outcomes.map(({ perSecond }) => perSecond)), '/s'));
      console.log(row('  p50', summarise(outcomes.map(({ p50Ms }) => p50Ms)), 'ms', 3));
      console.log(row('  p99', summarise(outcomes.map(({ p99Ms }) => p99Ms)), 'ms', 3));
    }
    await vm.terminate();
  } finally {
    await closeShared();
  }
}
