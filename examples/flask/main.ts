/** A Flask application whose state survives a suspend; two MicroVMs of it are apart. */
import assert from 'node:assert/strict';
import { example } from '../client/example.js';
import { json } from '../client/json.js';

interface State { readonly counter: number; readonly disk: number; readonly heartbeat_alive: boolean }

await example('flask', async (it) => {
  await it.build('flask', { port: 9000 });
  const vm = await it.run();
  assert.deepEqual(await json(vm, '/'), { message: 'Hello, World!' });
  it.say('it answers');
  await json(vm, '/state', {});
  assert.equal((await json<State>(vm, '/state', {})).counter, 2);
  await vm.suspend();
  it.say('suspended');
  const resumed = await json<State>(vm, '/state');
  assert.deepEqual([resumed.counter, resumed.disk, resumed.heartbeat_alive], [2, 2, true]);
  it.say('a request resumed it: counter 2, two lines on disk, the background process lives');
  const other = await it.run();
  assert.equal((await json<State>(other, '/state')).counter, 0);
  it.say('a second MicroVM begins at 0');
});
