/** An agent mends a bug in a workspace of its own: git, tests, a terminal, a preview. The agent here is a script. */
import assert from 'node:assert/strict';
import { example } from '../client/example.js';
import { openTerminal } from './terminal.js';

await example('coding-agent', async (it) => {
  await it.build('coding-agent', { port: 8080 });
  const SHELL = ['HTTP_INGRESS', 'SHELL_INGRESS'].map((name) => `arn:aws:lambda:${it.region}:aws:network-connector:aws-network-connector:${name}`);
  const vm = await it.run({ ingressNetworkConnectors: SHELL });
  let terminal = await openTerminal(vm);
  const before = await terminal.run('make test');
  assert.notEqual(before.code, 0);
  assert.match(before.output, /FAILED/);
  it.say('the tests fail, as they should');

  await terminal.run("cat >prices.py <<'END'\n\"\"\"Prices in cents.\"\"\"\n\n\ndef with_discount(cents, percent):\n    return cents - cents * percent // 100\nEND");
  const after = await terminal.run('make test');
  assert.equal(after.code, 0, after.output);
  assert.equal((await terminal.run('git commit -q -a -m "A discount is per cent"')).code, 0);
  it.say('the agent mended the bug, and committed it');
  assert.match((await vm.http.send('/prices.py')).body, /percent \/\/ 100/);
  it.say('the preview has the new file');

  await terminal.run('(while :; do date +%s >/tmp/alive; sleep 0.2; done) </dev/null >/dev/null 2>&1 & disown');
  await terminal.close();
  await vm.suspend();
  it.say('the user went away: suspended');
  terminal = await openTerminal(vm);
  assert.match((await terminal.run('git log --oneline')).output, /A discount is per cent\n.*Prices with a bug/);
  assert.equal((await terminal.run('sleep 1; test $(( $(date +%s) - $(cat /tmp/alive) )) -le 1')).code, 0);
  it.say('back again: the commit is there, and the background process goes on');

  const patch = (await terminal.run('git format-patch --stdout HEAD~1')).output;
  assert.match(patch, /^\+ {4}return cents - cents \* percent \/\/ 100$/m);
  it.say('the patch is taken out of the workspace');
  await terminal.close();

  const second = await it.run({ ingressNetworkConnectors: SHELL });
  terminal = await openTerminal(second);
  assert.equal((await terminal.run('git rev-list --count HEAD')).output.trim(), '1');
  await terminal.close();
  it.say('a second workspace begins where the first one began');
});
