/** Debian packages inside our assets, as their own package manager recorded them. */
import { PART, type Component } from './cyclonedx.js';

/** deb822, as in /var/lib/dpkg/status: paragraphs of `Name: value`; the installed packages of it. */
export function debianComponents(status: string, part: string): Component[] {
  return status.split(/\n\n+/).flatMap((paragraph) => {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.+)$`, 'm').exec(paragraph)?.[1];
    const [name, version, architecture] = [field('Package'), field('Version'), field('Architecture')];
    if (name === undefined || version === undefined || architecture === undefined || field('Status') !== 'install ok installed') return [];
    return [debianComponent(name, version, architecture, part, field('Source'))];
  });
}

/** `source`: name, with its version in parentheses where that differs. */
function debianComponent(name: string, version: string, architecture: string, part: string, source?: string): Component {
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}&distro=debian-12`;
  return {
    'bom-ref': purl,
    type: 'library',
    name,
    version,
    purl,
    properties: [{ name: PART, value: part }, ...(source === undefined ? [] : [{ name: 'tardigrade:debian-source', value: source }])],
  };
}

/** The kernel says in itself which package it is of: `Linux version 6.1.0-56-cloud-amd64 (debian-kernel@…) … Debian 6.1.176-1 (2026-…)`. */
export function kernelComponent(image: Buffer, architecture: string): Component {
  const text = image.subarray(Math.max(0, image.indexOf('Linux version ')));
  const banner = /^Linux version (\S+) [^\n\0]*? Debian (\S+) \(/.exec(text.subarray(0, 1000).toString('latin1'));
  const [, release, version] = banner ?? [];
  if (release === undefined || version === undefined) throw new Error('the guest kernel does not say which Debian package it is of');
  return { ...debianComponent(`linux-image-${release}`, version, architecture, 'guest-kernel', 'linux'), type: 'operating-system' };
}
