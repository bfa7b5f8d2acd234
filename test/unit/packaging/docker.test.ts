/** The Docker recipe, as far as it can be judged without an engine: what it names is there, and fits the service. */
import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { ROOT } from '../../support/package.js';
import { loadConfig } from '../../../src/config/config.js';

interface Compose {
  readonly services: { readonly tardigrade: { readonly build: { readonly context: string; readonly dockerfile: string }; readonly ports: readonly string[]; readonly volumes: readonly string[]; readonly devices: readonly string[]; readonly cap_add: readonly string[] } };
}

describe('packaging/docker', async () => {
  const dockerfile = await readFile(join(ROOT, 'packaging/docker/Dockerfile'), 'utf8');
  const { services: { tardigrade: service } } = parse(await readFile(join(ROOT, 'packaging/docker/compose.yaml'), 'utf8')) as Compose;
  const config = loadConfig({});

  it('copies files that are in the checkout, and installs the packages every host needs', async () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) => (match[1] ?? '').split(' '));
    assert.ok(copied.includes('scripts/host-packages.sh'));
    for (const path of copied) await access(join(ROOT, path));
    assert.match(dockerfile, /\. \/tmp\/host-packages\.sh .*[^]*apt-get install .*\$packages/);
  });

  it('uses a Node.js that the package takes, and stops so that MicroVMs are suspended', () => {
    assert.match(dockerfile, /^ARG NODE_IMAGE=docker\.io\/library\/node:(20|22)-bookworm-slim$/m);
    assert.match(dockerfile, /^STOPSIGNAL SIGINT$/m);
  });

  it('opens the ports, devices and capabilities that the settings and the doctor name', async () => {
    assert.match(dockerfile, new RegExp(`^EXPOSE ${config.apiPort} ${config.endpointPort}$`, 'm'));
    assert.deepEqual(service.ports, [config.apiPort, config.endpointPort].map((port) => `127.0.0.1:${port}:${port}`));
    assert.ok(service.volumes.includes(`data:${config.dataDir}`));
    assert.deepEqual(service.devices, ['/dev/kvm', '/dev/net/tun']);
    // Docker gives these by itself: chown, dac_override, fowner, kill, setgid, setuid, setpcap, sys_chroot.
    const given = new Set(['chown', 'dac_override', 'fowner', 'kill', 'setgid', 'setuid', 'setpcap', 'sys_chroot', ...service.cap_add.map((name) => name.toLowerCase())]);
    const doctor = await readFile(join(ROOT, 'src/doctor/checks/host.ts'), 'utf8');
    const needed = [...(/NEEDED_CAPABILITIES[^{]*{([^}]*)}/.exec(doctor)?.[1] ?? '').matchAll(/(\w+):/g)].map((match) => match[1] ?? '');
    assert.deepEqual(needed.filter((name) => !given.has(name)), []);
    await access(join(ROOT, 'packaging/docker', service.build.context, service.build.dockerfile));
  });
});
