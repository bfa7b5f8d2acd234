/** A browser fills a form in and orders; page and cookies live on through a suspend, and nobody else has them. */
import assert from 'node:assert/strict';
import { example, type Vm } from '../client/example.js';
import { json } from '../client/json.js';

const SHOP = 'http://127.0.0.1:8081/';

/** Commands of edbrowse, a browser whose user interface is a line editor: b browses, p prints, i= fills in, i* presses, g follows. */
const browse = (vm: Vm, ...commands: string[]): Promise<string[]> => json<string[]>(vm, '/browse', { commands });

await example('browser', async (it) => {
  await it.build('browser', { port: 8080 });
  const vm = await it.run();
  const [, page] = await browse(vm, `b ${SHOP}`, ',p');
  assert.match(page ?? '', /^total 42$/m);
  it.say('the browser was up at once, and the page\'s script has counted');

  await browse(vm, '/<>/ i=Ada');
  await vm.suspend();
  it.say('suspended with the form half filled in');
  const [form, , thanks] = await browse(vm, ',p', '/<Order>/ i*', ',p');
  assert.match(form ?? '', /Name <Ada>/);
  assert.equal(thanks, 'thanks Ada');
  it.say('resumed: the form is as it was; it is sent, and the shop says thanks');

  const [, orders] = await browse(vm, `b ${SHOP}orders`, ',p');
  assert.equal(orders, 'cookie customer=Ada');
  it.say('the browser keeps the shop\'s cookie');
  const other = await it.run();
  assert.equal((await browse(other, `b ${SHOP}orders`, ',p'))[1], 'cookie none');
  it.say('another user\'s browser has none');
});
