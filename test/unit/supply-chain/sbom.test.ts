import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Bom, type Component, extend } from '../../../scripts/sbom/cyclonedx.js';
import { debianComponents, kernelComponent } from '../../../scripts/sbom/debian.js';
import { modulesOf } from '../../../scripts/sbom/go.js';

const STATUS = `Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc
Version: 2.36-9+deb12u10
Description: GNU C Library
 Package: notone

Package: passwd
Status: install ok installed
Architecture: amd64
Version: 1:4.13+dfsg1-1

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
`;

describe('software bill of materials', () => {
  test('packages that dpkg has installed, with epoch, source and part; removed ones are not there', () => {
    const components = debianComponents(STATUS, 'builder');
    assert.deepEqual(components.map(({ purl }) => purl), [
      'pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12',
      'pkg:deb/debian/passwd@1%3A4.13%2Bdfsg1-1?arch=amd64&distro=debian-12',
    ]);
    assert.deepEqual(components[0]?.properties, [{ name: 'tardigrade:part', value: 'builder' }, { name: 'tardigrade:debian-source', value: 'glibc' }]);
    assert.deepEqual(debianComponents('', 'builder'), []);
  });

  test('the kernel by its own banner, or an error', () => {
    const image = Buffer.from('\x7fELF\0junk\0Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) (gcc-12, GNU ld) #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-08-01)\n\0more', 'latin1');
    assert.equal(kernelComponent(image, 'amd64').purl, 'pkg:deb/debian/linux-image-6.1.0-56-cloud-amd64@6.1.192-2?arch=amd64&distro=debian-12');
    assert.throws(() => kernelComponent(Buffer.from('Linux version 6.1.0 (me@home) #1'), 'amd64'), /does not say/);
    assert.throws(() => kernelComponent(Buffer.alloc(10), 'amd64'), /does not say/);
  });

  test('a Go program: itself, what it requires, the standard library', () => {
    assert.deepEqual(modulesOf('tardigrade/agent \ngolang.org/x/sys v0.1.0\n', '0.1.0', '1.19.8', 'agent').map(({ purl, type }) => [purl, type]), [
      ['pkg:golang/tardigrade/agent@0.1.0', 'application'],
      ['pkg:golang/golang.org/x/sys@v0.1.0', 'library'],
      ['pkg:golang/std@1.19.8', 'library'],
    ]);
  });

  test('a component in two parts is there once, with both; the whole depends on all', () => {
    const component = (ref: string, part: string): Component => ({ 'bom-ref': ref, type: 'library', name: ref, version: '1', purl: `pkg:x/${ref}@1`, properties: [{ name: 'tardigrade:part', value: part }] });
    const bom: Bom = {
      bomFormat: 'CycloneDX', specVersion: '1.5', serialNumber: 'urn:uuid:0',
      metadata: { component: component('whole', '') },
      components: [component('npm', 'service')],
      dependencies: [{ ref: 'whole', dependsOn: ['npm'] }, { ref: 'npm', dependsOn: [] }],
    };
    const extended = extend(bom, [component('a', 'one'), component('a', 'two'), component('b', 'one')]);
    assert.deepEqual(extended.components.map((one) => [one.name, one.properties?.map(({ value }) => value)]), [['npm', ['service']], ['a', ['one', 'two']], ['b', ['one']]]);
    assert.deepEqual(extended.dependencies, [{ ref: 'whole', dependsOn: ['npm', 'a', 'b'] }, { ref: 'npm', dependsOn: [] }, { ref: 'a', dependsOn: [] }, { ref: 'b', dependsOn: [] }]);
  });
});
