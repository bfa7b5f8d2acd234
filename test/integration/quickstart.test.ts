/** The command a new user runs, in a data folder of its own, and that it leaves the host as it was. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { residue } from './support/residue.js';
import { closeShared, newDataDir } from './support/service.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('quickstart', () => {
  before(() => closeShared('now'));

  it('does the main job and exits 0', async () => {
    const before = await residue();
    const dataDir = await newDataDir();
    try {
      const child = spawn('npm', ['run', '--silent', 'quickstart'], {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, TARDIGRADE_DATA_DIR: dataDir, TARDIGRADE_API_PORT: '7480', TARDIGRADE_ENDPOINT_PORT: '7483' },
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
      const [code] = (await once(child, 'exit')) as [number | null];
      assert.equal(code, 0, output);
      for (const step of ['service is up', 'CreateMicrovmImage', 'RunMicrovm → first HTTP 200', 'SuspendMicrovm → SUSPENDED', 'a request resumes it', 'a second clone', 'TerminateMicrovm']) {
        assert.match(output, new RegExp(`^ *\\d+ ms .*${step}`, 'm'));
      }
      assert.match(output, /Memory, disk and processes survived the suspend; the clones are apart\./);
      assert.deepEqual(await residue(), before);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
