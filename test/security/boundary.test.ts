/**
 * The tenants' boundary, tried from inside hostile guests that are root, without and with ALL: what an attempt reports,
 * and what the host and a neighbour see of it. The attempts are in attacker/.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { reaches, type RunningVm, runVm, tokenFor } from '../integration/support/microvms.js';
import { residue } from '../integration/support/residue.js';
import { closeShared, sharedService, type Service } from '../integration/support/service.js';
import { attackerImage, attemptsOf, linkOf, post, type Targets, tryAll } from './support.js';
import { setTraps, type Traps } from './traps.js';

const MIN_ATTEMPTS = 60;

describe('tenant boundary', () => {
  let service: Service;
  let traps: Traps;
  let neighbour: RunningVm;
  let targets: Targets;
  const secrets = { host: randomBytes(24).toString('hex'), neighbour: randomBytes(24).toString('hex') };
  const cleanup: (() => unknown)[] = [];
  let tried = 0;

  before(async () => {
    service = await sharedService();
    traps = await setTraps();
    cleanup.push(() => traps.close());
    const folder = await mkdtemp(join(tmpdir(), 'tardigrade-secret-'));
    cleanup.push(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'secret'), secrets.host);
    neighbour = await runVm(service, await attackerImage('default'));
    cleanup.push(() => neighbour.terminate());
    await post(neighbour, '/remember', secrets.neighbour);
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []).filter((one) => !one.internal);
    targets = {
      hostPorts: [...traps.ports, Number(new URL(service.daemon.apiUrl).port), service.daemon.endpointPort],
      hostUdpPort: traps.udpPort,
      hostAddresses: addresses.filter((one) => one.family === 'IPv4').map((one) => one.address),
      hostAddresses6: addresses.filter((one) => one.family === 'IPv6').map((one) => one.address),
      hostName: hostname(),
      hostPaths: [join(folder, 'secret'), join(service.config.dataDir, 'credentials.json'), '/etc/shadow'],
      // Reversed, so that what looks for them does not hold them.
      secretsReversed: [secrets.host, secrets.neighbour, service.daemon.credentials.secretAccessKey].map((secret) => Buffer.from(secret).reverse().toString('hex')),
      otherLinks: [await linkOf(service, neighbour.id)],
      otherToken: 'none',
      flooded: '198.51.100.1',
    };
  });
  after(async () => {
    for (const step of cleanup.reverse()) await step();
    await closeShared();
  });

  /** Neither the host nor the neighbour has noticed. */
  async function unharmed(): Promise<void> {
    assert.deepEqual(traps.hits, [], 'nothing reached a listener of the host');
    const answer = await neighbour.http.send('/remembered');
    assert.deepEqual(JSON.parse(answer.body), [secrets.neighbour]);
    await reaches(service, neighbour.id, 'RUNNING');
  }

  for (const kind of ['default', 'all'] as const) {
    it(`holds against root in a container ${kind === 'all' ? 'with ALL' : 'with the default capabilities'}`, async (t) => {
      const attacker = await runVm(service, await attackerImage(kind));
      t.after(() => attacker.terminate().catch(() => undefined)); // it may have ended itself
      const attempts = (await attemptsOf(attacker)).filter(({ boundary }) => kind === 'default' || boundary === 'vm');
      const outcomes = await tryAll(attacker, attempts, targets);
      tried += outcomes.length;
      for (const { name, crossed, how } of outcomes) t.diagnostic(`${crossed ? 'CROSSED' : 'held'} ${name}: ${how.slice(0, 120)}`);
      assert.deepEqual(outcomes.filter((outcome) => outcome.crossed || outcome.broken === true), []);
      await unharmed();
    });
  }

  it('follows, keeps and waits for nothing in the answers of hooks', async (t) => {
    const rss = process.memoryUsage.rss();
    for (const how of ['redirect', 'endless', 'headers', 'nonsense']) {
      const attacker = await runVm(service, await attackerImage('all'));
      await post(attacker, '/hooks', { how, to: `http://127.0.0.1:${traps.ports[0] ?? 0}/` });
      const end = await attacker.suspend().then(() => 'SUSPENDED', (error: unknown) => (error as Error).message);
      t.diagnostic(`${how}: ${end}`);
      tried++;
      await attacker.terminate().catch(() => undefined); // a failed hook ends it
      await unharmed();
    }
    assert.ok(process.memoryUsage.rss() - rss < 128 << 20, 'an endless answer is not kept');
  });

  it('takes the token of one MicroVM for no other', async () => {
    const attacker = await runVm(service, await attackerImage('default'));
    const token = await tokenFor(service, attacker.id, 8080);
    const answer = await neighbour.http.send('/remembered', { headers: { 'x-aws-proxy-auth': token } });
    assert.ok(answer.status >= 400, String(answer.status));
    const seen = JSON.parse((await attacker.http.send('/headers')).body) as Record<string, string>;
    assert.deepEqual(Object.keys(seen).filter((name) => /^x-aws-proxy|^authorization|^x-amz-security/i.test(name)), []);
    assert.ok(!JSON.stringify(seen).includes(token));
    tried += 2;
    await attacker.terminate();
  });

  it(`tried at least ${MIN_ATTEMPTS} times, and leaves nothing`, async (t) => {
    t.diagnostic(`${tried} attempts`);
    assert.ok(tried >= MIN_ATTEMPTS);
    assert.equal((await residue(service)).vmms, 1, 'the neighbour alone');
  });
});
