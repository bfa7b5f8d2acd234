/** Many clones of one image at once: apart from each other and from the host, and gone without residue. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { flaskImage } from './support/images.js';
import { type RunningVm, runVm } from './support/microvms.js';
import { residue } from './support/residue.js';
import { closeShared, sharedService } from './support/service.js';

const CLONES = 10;

describe('isolation', () => {
  after(() => closeShared());

  it(`runs ${CLONES} clones at once, each with its own state, and leaves nothing`, async () => {
    const service = await sharedService();
    const image = await flaskImage();
    const before = await residue(service);
    assert.equal(before.vmms, 0, 'no VM runs before');
    const vms: RunningVm[] = await Promise.all(Array.from({ length: CLONES }, () => runVm(service, image)));
    await Promise.all(vms.map(async (vm, i) => {
      for (let n = 0; n <= i; n++) await vm.change();
    }));
    const states = await Promise.all(vms.map((vm) => vm.state()));
    assert.deepEqual(states.map((state) => [state.counter, state.disk, state.tmpfs]), vms.map((_, i) => [i + 1, i + 1, i + 1]));
    assert.deepEqual(states.map((state) => state.run?.microvmId), vms.map((vm) => vm.id));
    assert.equal(new Set(states.map((state) => state.random)).size, CLONES);
    assert.equal((await residue(service)).vmms, CLONES);

    // Half of them suspended when they end: those leave files, the others processes.
    await Promise.all(vms.slice(0, CLONES / 2).map((vm) => vm.suspend()));
    await Promise.all(vms.map((vm) => vm.terminate()));
    const left = await residue(service);
    // The pool's own spare links stay until the service stops.
    assert.ok(left.namespaces <= service.config.linkPoolSize, `${left.namespaces} namespaces are left`);
    assert.deepEqual({ ...left, namespaces: 0, links: 0, taps: 0 }, { ...before, namespaces: 0, links: 0, taps: 0 });
  });

  it('lets no process of another user reach a guest\'s agent', async () => {
    const service = await sharedService();
    const vm = await runVm(service, await flaskImage());
    await vm.state();
    // The agent answers whoever runs the service, on the host's side of each link; nobody else.
    const { stdout } = await promisify(execFile)('ip', ['-o', '-4', 'addr', 'show']);
    const hosts = [...stdout.matchAll(/\d+: (tdg\S+)\s+inet (\d+\.\d+\.\d+\.\d+)\/31/g)].map((match) => match[2] ?? '');
    assert.ok(hosts.length > 0);
    for (const host of hosts) {
      const peer = host.replace(/\d+$/, (last) => String(Number(last) + 1));
      await assert.rejects(promisify(execFile)('setpriv', ['--reuid=65534', '--clear-groups', 'timeout', '2', 'bash', '-c', `exec 3<>/dev/tcp/${peer}/1024`]));
    }
    await vm.terminate();
  });
});
