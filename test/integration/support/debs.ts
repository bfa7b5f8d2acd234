/** Debian packages for an image that has no network: fetched on the host, which is of the guests' release. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { digestOf, ensureAsset } from '../../../src/assets/store.js';

/** The folder with the packages' files, fetched once. */
export async function debs(assetsDir: string, packages: readonly string[]): Promise<string> {
  return ensureAsset(assetsDir, 'test-debs', digestOf(...packages), async (target) => {
    await promisify(execFile)('apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=root', ...packages], { cwd: target });
  });
}
