/** Every example builds and works: its client is run as a reader runs it, against the shared service. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ListMicrovmImagesCommand, ListMicrovmsCommand } from '@aws-sdk/client-lambda-microvms';
import { cliEnvironment } from './support/cli.js';
import { closeShared, sharedService } from './support/service.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLES = join(ROOT, 'examples');

/** Folders with a README and a client. */
async function examples(): Promise<string[]> {
  const names = await readdir(EXAMPLES);
  const found = await Promise.all(names.map(async (name) => {
    const parts = await Promise.all(['README.md', 'main.ts'].map((file) => access(join(EXAMPLES, name, file)).then(() => true, () => false)));
    return parts.every(Boolean) ? name : undefined;
  }));
  return found.filter((name) => name !== undefined);
}

describe('examples', () => {
  after(() => closeShared());

  for (const name of ['flask', 'code-interpreter', 'coding-agent', 'ci-runner', 'browser', 'game-scripts', 'event-backbone']) {
    it(name, async (t) => {
      const service = await sharedService();
      const child = spawn(process.execPath, ['--import', 'tsx', join('examples', name, 'main.ts')], {
        cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...cliEnvironment(service), AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
      const [code] = (await once(child, 'close')) as [number | null];
      assert.equal(code, 0, output);
      assert.match(output, /it worked, and nothing is left\n$/);
      t.diagnostic(output);
      const { items: images = [] } = await service.microvms.send(new ListMicrovmImagesCommand({}));
      const { items: microvms = [] } = await service.microvms.send(new ListMicrovmsCommand({}));
      // Other suites have images in the shared service too.
      const own = new RegExp(`(^|:)${name}-[0-9a-f]{8}$`);
      assert.deepEqual(images.filter((image) => own.test(image.name ?? '')).map((image) => image.name), []);
      assert.deepEqual(microvms.filter((vm) => own.test(vm.imageArn ?? '') && vm.state !== 'TERMINATED').map((vm) => vm.microvmId), []);
    });
  }

  it('are all of them in this list', async () => {
    assert.deepEqual((await examples()).sort(), ['browser', 'ci-runner', 'code-interpreter', 'coding-agent', 'event-backbone', 'flask', 'game-scripts']);
  });
});
