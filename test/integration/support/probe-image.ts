/** The image that tells what identifies its machine and runs posted scripts, from test/apps/clone. */
import assert from 'node:assert/strict';
import { appendFile, copyFile, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CreateMicrovmImageCommandInput } from '@aws-sdk/client-lambda-microvms';
import { zipFolder } from '../../../examples/quickstart/zip.js';
import { debs } from './debs.js';
import { buildImage, READY_ON_8080 } from './images.js';
import type { RunningVm } from './microvms.js';
import type { Service } from './service.js';

const APP = fileURLToPath(new URL('../../apps/clone', import.meta.url));

export interface ProbeImage {
  readonly packages: readonly string[];
  /** This process's own Node goes into the image. */
  readonly node?: boolean;
  readonly more?: Partial<CreateMicrovmImageCommandInput>;
}

export async function probeImage(service: Service, name: string, { packages, node = false, more = {} }: ProbeImage): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tardigrade-probe-'));
  try {
    await cp(APP, folder, { recursive: true });
    if (node) {
      await copyFile(process.execPath, join(folder, 'node'));
      await appendFile(join(folder, 'Dockerfile'), 'COPY node /usr/local/bin/node\n');
    }
    const from = await debs(service.config.assetsDir, packages);
    for (const file of await readdir(from)) if (file.endsWith('.deb')) await copyFile(join(from, file), join(folder, file));
    const outcome = await buildImage(service, name, await service.upload(`${name}.zip`, await zipFolder(folder)), { hooks: READY_ON_8080, ...more });
    assert.equal(outcome.state, 'CREATED', `${outcome.build.stateReason ?? ''}\n${outcome.log}`);
    return outcome.imageArn;
  } finally {
    await rm(folder, { recursive: true });
  }
}

export interface ScriptResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a shell script as a child of the application. */
export async function runScript(vm: RunningVm, script: string): Promise<ScriptResult> {
  const answer = await vm.http.send('/run', { method: 'POST', body: script });
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body) as ScriptResult;
}
