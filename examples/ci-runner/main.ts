/** Three jobs at once, each on a clean machine: one passes, one fails, one destroys what it can. */
import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { type Example, example } from '../client/example.js';

interface Line { readonly step?: string; readonly log?: string; readonly exit?: number }

const SOURCES = {
  Makefile: 'build: test\n\t@mkdir -p out && python3 version.py >out/version.txt\ntest:\n\t@python3 -m unittest -v test_version\n',
  'version.py': 'VERSION = "1.2.3"\nprint(VERSION)\n',
  'test_version.py': 'import unittest, version\nclass T(unittest.TestCase):\n    def test_has_three_parts(self):\n        self.assertEqual(len(version.VERSION.split(".")), 3)\n',
};

async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name }, content);
  tar.finalize();
  return buffer(tar);
}

/** A fresh MicroVM for the job alone, that can reach nothing. */
async function job(it: Example, files: Readonly<Record<string, string>>, steps: readonly string[], artifact?: string) {
  const vm = await it.run({
    maximumDurationInSeconds: 600, egressNetworkConnectors: [`arn:aws:lambda:${it.region}:tardigrade:network-connector:tardigrade-network-connector:NO_EGRESS`],
  });
  const query = steps.map((step) => `step=${encodeURIComponent(step)}`).join('&');
  const answer = await vm.http.send(`/job?${query}`, { method: 'POST', body: await tarOf(files) });
  assert.equal(answer.status, 200, answer.body);
  const lines = answer.body.trim().split('\n').map((line) => JSON.parse(line) as Line);
  const file = artifact === undefined ? undefined : await vm.http.send(artifact);
  await vm.terminate();
  return { exit: lines.at(-1)?.exit, log: lines.map((line) => line.log ?? '').join('\n'), artifact: file };
}

await example('ci-runner', async (it) => {
  await it.build('ci-runner', { port: 8080 });
  const [good, bad, hostile] = await Promise.all([
    job(it, SOURCES, ['git init -q && git add . && git -c user.name=CI -c user.email=ci@example.com commit -q -m job', 'make build'], '/out/version.txt'),
    job(it, { ...SOURCES, 'version.py': 'VERSION = "1.2"\nprint(VERSION)\n' }, ['make build', 'echo never']),
    job(it, SOURCES, ['rm -rf ~/job/* ; cat /etc/shadow; python3 -c \'import socket; socket.create_connection(("203.0.113.10", 80), 3)\'']),
  ]);
  assert.equal(good.exit, 0, good.log);
  assert.match(good.log, /test_has_three_parts .*ok/);
  assert.deepEqual([good.artifact?.status, good.artifact?.body], [200, '1.2.3\n']);
  it.say('the first job passed; its artifact is version 1.2.3');
  assert.notEqual(bad.exit, 0);
  assert.match(bad.log, /FAILED/);
  assert.doesNotMatch(bad.log, /never/);
  it.say('the second failed in its tests, and the step after them was not run');
  assert.notEqual(hostile.exit, 0);
  assert.match(hostile.log, /shadow: Permission denied/);
  assert.match(hostile.log, /Error/);
  it.say('the third removed its sources and reached nothing');
  const again = await job(it, SOURCES, ['make build']);
  assert.equal(again.exit, 0, again.log);
  it.say('the next job has a clean machine');
});
