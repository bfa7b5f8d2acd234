/**
 * RunMicrovm → first HTTP 200 through the endpoint, against QEMU alone restoring the same snapshot; in turn, in one
 * run. The token is asked for while the clone starts, as a client would.
 */
import { join } from 'node:path';
import { pino } from 'pino';
import { INTERNET } from '../src/network/contracts.js';
import { openLinkPool } from '../src/network/pool.js';
import { flaskImage } from '../test/integration/support/images.js';
import { runVm } from '../test/integration/support/microvms.js';
import { closeShared, sharedService } from '../test/integration/support/service.js';
import { bareRestore } from './bare-restore.js';
import { row, summarise } from './statistics.js';

const ROUNDS = 15;
const WARM_UP = 2;

export default async function run(): Promise<void> {
  const service = await sharedService();
  const { info } = service.daemon;
  const owner = `/bench/${process.pid}`;
  const links = await openLinkPool({ linkCidr: service.config.linkCidr, egressDeny: [], poolSize: 1, owner, logger: pino({ level: 'warn' }) });
  try {
    const image = await flaskImage('ready');
    const template = join(service.config.dataDir, 'images', service.config.accountId, 'flask-ready', '1.0', 'template');
    const ours: number[] = [];
    const bare: number[] = [];
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      await settle();
      const link = await links.acquire({ egress: INTERNET });
      await settle();
      const floor = await bareRestore(info, template, link, 8080);
      await link.release();
      await settle();
      const started = performance.now();
      const vm = await runVm(service, image);
      const answer = await vm.http.send('/');
      const mine = performance.now() - started;
      if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.body}`);
      await vm.terminate();
      if (round < 0) continue;
      bare.push(floor);
      ours.push(mine);
    }
    const [b, o] = [summarise(bare), summarise(ours)];
    const pairs = summarise(ours.map((value, i) => value / (bare[i] ?? Number.NaN)));
    console.log(`\n${info.vmm}; ${info.reason}`);
    console.log(row('QEMU alone: restore → first HTTP 200', b, 'ms'));
    console.log(row('RunMicrovm → first HTTP 200 through the endpoint', o, 'ms'));
    console.log(row('ratio, pair by pair', pairs, '', 2));
    console.log(`ratio of medians ${(o.median / b.median).toFixed(2)} (at most 1.25 is promised, 1.15 is the goal)`);
    if (o.median / b.median > 1.25) process.exitCode = 1;
  } finally {
    await links.close();
    await closeShared();
  }
}

/** Lets what the last step left (namespaces being removed, links being made) finish before the next is timed. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000));
}
