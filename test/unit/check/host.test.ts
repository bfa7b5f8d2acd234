/** What can be seen of a host, by what this process really is: nobody else's MicroVM. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { heldFor, hostFacts, readyNamespaces, surplusNamespaces } from '../../../src/check/host.js';

test('the host of a loopback address is this one, seen by root alone', () => {
  assert.equal(hostFacts('http://127.0.0.1:7400', 0).hidden, undefined);
  assert.equal(hostFacts('http://[::1]:7400', 0).hidden, undefined);
  assert.match(hostFacts('http://localhost:7400', 1000).hidden ?? '', /only root/);
});

test('another host is not seen, and its address is known when it is one', () => {
  assert.match(hostFacts('https://microvms.example.com', 0).hidden ?? '', /another host/);
  assert.deepEqual(hostFacts('https://microvms.example.com', 0).addresses, []);
  assert.deepEqual(hostFacts('http://198.51.100.7:7400', 0).addresses, ['198.51.100.7']);
});

test('processes are found by the MicroVM they are for, with their children, until they are gone', async () => {
  const id = `microvm-${randomUUID()}`;
  const launcher = spawn('sh', ['-c', 'sleep 60 & wait', `/run/tardigrade/x/${id}.qmp`], { detached: true, stdio: 'ignore' });
  await once(launcher, 'spawn');
  let held = await heldFor(id);
  while (held.processes.length < 2) held = await heldFor(id); // the child comes a moment later
  assert.ok(held.processes.includes(launcher.pid ?? 0));
  assert.deepEqual((await heldFor(`microvm-${randomUUID()}`)).processes, []);
  process.kill(-(launcher.pid ?? 0), 'SIGKILL');
  await once(launcher, 'exit');
  assert.deepEqual((await heldFor(id)).processes, []);
});

test('namespaces that nobody uses are no surplus of a service', async () => {
  assert.equal(await surplusNamespaces([`tdg-${randomUUID()}-1`], []), 0);
  assert.deepEqual(await readyNamespaces({ hidden: 'elsewhere', addresses: [] }), []);
});
