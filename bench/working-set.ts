/**
 * Does reading a template's working set ahead pay? Launch → first answer of the application, with and without it, in turn,
 * with the RAM file dropped from the page cache before each launch, and with it there.
 */
import { mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { createProgress } from '../src/cli/progress.js';
import { ensureGuest } from '../src/daemon/assets.js';
import { posixFadvise } from '../src/engine/linux/libc.js';
import { createQemuEngine } from '../src/engine/qemu/engine.js';
import { dialGuest } from '../src/engine/qemu/dial.js';
import { recordWorkingSet } from '../src/engine/snapshot/working-set.js';
import { createGuestAgent } from '../src/guest/agent.js';
import { GUEST_NET, INTERNET } from '../src/network/contracts.js';
import { openLinkPool } from '../src/network/pool.js';
import { flaskImage } from '../test/integration/support/images.js';
import { closeShared, sharedService } from '../test/integration/support/service.js';
import { firstAnswer } from './bare-restore.js';
import { row, summarise } from './statistics.js';

const ROUNDS = 15;
const WARM_UP = 2;
const POSIX_FADV_DONTNEED = 4;

export default async function run(): Promise<void> {
  const service = await sharedService();
  const runDir = `/run/tardigrade/bench-${process.pid}`;
  await mkdir(runDir, { recursive: true });
  const links = await openLinkPool({ linkCidr: service.config.linkCidr, egressDeny: [], poolSize: 1, owner: runDir, logger: pino({ level: 'warn' }) });
  try {
    const guest = await ensureGuest(service.config, createProgress());
    await flaskImage('ready');
    const template = join(service.config.dataDir, 'images', service.config.accountId, 'flask-ready', '1.0', 'template');
    const record = join(template, 'working-set.json');
    const aside = `${record}.aside`;

    /** Milliseconds from the engine's launch to the application's first answer. */
    const launch = async (how: { cold: boolean; ahead: boolean; record?: boolean }): Promise<number> => {
      // A new engine each time: it has read nothing ahead lately.
      const engine = createQemuEngine({ ...guest, runDir });
      const dir = await mkdtemp(join(tmpdir(), 'tardigrade-bench-'));
      const link = await links.acquire({ egress: INTERNET });
      await sleep(700);
      if (how.record !== true) await rename(how.ahead ? aside : record, how.ahead ? record : aside).catch(() => undefined); // there already
      if (how.cold) await drop(join(template, 'ram'));
      try {
        const started = performance.now();
        const vm = await engine.launch({ id: 'bench', template, link, dir });
        try {
          await createGuestAgent((signal) => dialGuest(link.host, GUEST_NET.agentPort, signal)).wake({ hostname: 'bench' });
          await firstAnswer(link.host, 8080);
          const ms = performance.now() - started;
          if (how.record === true) await recordWorkingSet(vm.pid, template);
          return ms;
        } finally {
          await vm.stop();
        }
      } finally {
        await link.release();
        await rm(dir, { recursive: true });
      }
    };

    await launch({ cold: true, ahead: false, record: true });
    for (const cold of [true, false]) {
      const [plain, ahead, ratios]: [number[], number[], number[]] = [[], [], []];
      for (let round = -WARM_UP; round < ROUNDS; round++) {
        // A B, B A, …: neither always comes after the other.
        const order = round % 2 === 0 ? [false, true] : [true, false];
        const ms = { plain: 0, ahead: 0 };
        for (const withIt of order) ms[withIt ? 'ahead' : 'plain'] = await launch({ cold, ahead: withIt });
        if (round < 0) continue;
        plain.push(ms.plain);
        ahead.push(ms.ahead);
        ratios.push(ms.ahead / ms.plain);
      }
      const where = cold ? 'cold page cache' : 'warm page cache';
      console.log(row(`launch → first answer, ${where}`, summarise(plain), 'ms'));
      console.log(row('  the working set read ahead', summarise(ahead), 'ms'));
      console.log(row('  ratio, pair by pair', summarise(ratios), '', 2));
    }
  } finally {
    await links.close();
    await rm(runDir, { recursive: true });
    await closeShared();
  }
}

/** Out of the page cache. */
async function drop(path: string): Promise<void> {
  const file = await open(path, 'r');
  await posixFadvise(file.fd, 0, 0, POSIX_FADV_DONTNEED);
  await file.close();
}
