/** The DNS server guests are sent to: the host's first one that is not on the host's own loopback. */
import { readFile } from 'node:fs/promises';

/** systemd-resolved's stub file names 127.0.0.53; the servers behind it stand in the second file. */
const FILES = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

export async function upstreamResolver(): Promise<string | undefined> {
  for (const file of FILES) {
    const text = await readFile(file, 'utf8').catch(() => ''); // not there on this host
    for (const match of text.matchAll(/^\s*nameserver\s+(\d+\.\d+\.\d+\.\d+)\s*$/gm)) {
      if (match[1] !== undefined && !match[1].startsWith('127.')) return match[1];
    }
  }
  return undefined;
}
