/** A conversation with a Python kernel that lives in memory, through a suspend. */
import assert from 'node:assert/strict';
import { example, type Vm } from '../client/example.js';
import { json } from '../client/json.js';

interface Result { readonly stdout: string; readonly value: string | null; readonly error: string | null }

const run = (vm: Vm, code: string, timeout = 20): Promise<Result> => json<Result>(vm, '/execute', { code, timeout });

await example('code-interpreter', async (it) => {
  await it.build('code-interpreter', { port: 8080, run: true });
  const vm = await it.run();
  assert.equal((await run(vm, 'import statistics\nprices = [3, 5, 10]\nstatistics.mean(prices)')).value, '6');
  await run(vm, 'file = open("notes.txt", "w+")\nfile.write("kept")\nfile.flush()');
  it.say('a module is imported, a list is in memory, a file is open');

  const failed = await run(vm, 'print("before")\n1 / 0');
  assert.equal(failed.stdout, 'before\n');
  assert.match(failed.error ?? '', /ZeroDivisionError/);
  it.say('an error is answered as a traceback');

  await vm.suspend();
  it.say('suspended: no CPU and no memory is used');
  assert.equal((await run(vm, 'prices.append(22)\nfile.seek(0)\n(file.read(), statistics.mean(prices))')).value, "('kept', 10)");
  assert.equal(await vm.state(), 'RUNNING');
  it.say('the next cell resumed it: variables, module and open file are as they were');

  const endless = await run(vm, 'n = 0\nwhile True: n += 1', 1);
  assert.match(endless.error ?? '', /KeyboardInterrupt/);
  assert.equal((await run(vm, 'n > 0 and prices[-1]')).value, '22');
  it.say('an endless loop is interrupted, and the variables are still there');

  const other = await it.run();
  assert.match((await run(other, 'prices')).error ?? '', /NameError/);
  const draw = 'import random\nrandom.random()';
  assert.notEqual((await run(other, draw)).value, (await run(vm, draw)).value);
  it.say('another user\'s kernel knows nothing of it, and draws other random numbers');
});
