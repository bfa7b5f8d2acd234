/** The console as a person uses it, in Chromium, at two widths, against real VMs. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ListMicrovmsCommand, TerminateMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import type { Browser } from 'playwright-core';
import { endpointClient } from '../../examples/quickstart/endpoint.js';
import { zipFolder } from '../../examples/quickstart/zip.js';
import { ConsoleBrowser, hasChromium, startBrowser, WIDTHS, type Width } from './support/console-browser.js';
import { FLASK_APP } from './support/images.js';
import { closeShared, type Service, sharedService } from './support/service.js';

/** Compressed, without the terminal. */
const FIRST_LOAD_BYTES = 200 * 1024;

const skip = (await hasChromium()) ? false : 'no chromium package: its tests are not run';

describe('console', { skip }, () => {
  let service: Service;
  let browser: Browser;
  before(async () => {
    service = await sharedService();
    browser = await startBrowser();
  });
  after(async () => {
    await browser.close();
    await closeShared();
  });

  for (const width of Object.keys(WIDTHS) as Width[]) {
    it(`from login to terminate, ${width}`, async (t) => {
      const user = await ConsoleBrowser.open(browser, width);
      t.after(() => user.close());
      await signIn(user, service);
      const name = `console-${width}`;
      await buildImage(user, name);
      const id = await run(user);
      await useToken(user, service);
      await useTerminal(user, id);
      await suspendAndResume(user, service);
      await lookAround(user, name);
      await terminate(user, id);
      assert.deepEqual(user.complaints, []);
      await signOut(user);
    });
  }

  it('leaves no MicroVM', async () => {
    const { items = [] } = await service.microvms.send(new ListMicrovmsCommand({}));
    const left = items.filter(({ state, imageArn }) => state !== 'TERMINATED' && imageArn?.includes(':console-'));
    for (const { microvmId } of left) await service.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: microvmId }));
    assert.deepEqual(left, []);
  });
});

async function signIn(user: ConsoleBrowser, { daemon }: Service): Promise<void> {
  const { page } = user;
  await page.goto(`${daemon.apiUrl}/`);
  await user.sees('Secret access key');
  assert.equal(new URL(page.url()).pathname, '/console/');
  await user.inspect('login');
  await user.fill('Access key id', daemon.credentials.accessKeyId);
  await user.fill('Secret access key', daemon.credentials.secretAccessKey);
  await page.keyboard.press('Enter');
  await user.sees('MicroVMs', 'h1');
  await user.sees('live', '.account');
  const total = [...user.loaded.values()].reduce((sum, bytes) => sum + bytes, 0);
  assert.ok([...user.loaded.keys()].some((path) => /\/assets\/index-.*\.js$/.test(path)), 'the script is among what was loaded');
  assert.ok(total < FIRST_LOAD_BYTES, `the first load has ${total} bytes: ${JSON.stringify([...user.loaded])}`);
  assert.ok(![...user.loaded.keys()].some((path) => path.includes('terminal')), 'the terminal is loaded when it is used');
  assert.equal(await page.evaluate('document.cookie'), '', 'scripts do not see the session');
  await user.inspect('microvms-empty');
}

async function buildImage(user: ConsoleBrowser, name: string): Promise<void> {
  const { page } = user;
  await user.press('Images', 'link', 'nav');
  await user.press('Create image', 'link');
  await user.fill('Name', name);
  await page.getByLabel('Application').setInputFiles({ name: 'app.zip', mimeType: 'application/zip', buffer: await zipFolder(FLASK_APP) });
  await page.getByLabel(/Once POST .ready/).check();
  await user.fill('Port of the hooks', '9000');
  await user.inspect('create-image');
  await user.press('Upload and build');
  await page.waitForURL(`**/console/images/${name}/versions/1.0`);
  await page.locator('.log-line').nth(3).waitFor();
  assert.match(await page.locator('.page-title > .state').first().innerText(), /pending|in progress/, 'the log is there while the build goes on');
  await user.inspect('build-live');
  await user.is('successful');
  await page.locator('.waterfall .bar:not(.busy)').nth(2).waitFor();
  await user.sees(/app\.py|ready/i, '.log');
  await user.inspect('build-done');
}

async function run(user: ConsoleBrowser): Promise<string> {
  const { page } = user;
  await user.press('Run', 'link', '.page-title');
  await user.sees('When nobody uses it');
  await user.inspect('run');
  await user.press('Run');
  await page.waitForURL('**/console/microvms/microvm-*');
  await user.is('running');
  await user.sees(/Suspended in/);
  await page.locator('.waterfall .bar').first().waitFor();
  return new URL(page.url()).pathname.split('/').at(-1) ?? '';
}

async function endpointOf(user: ConsoleBrowser): Promise<string> {
  return new URL(await user.page.locator('.endpoint').innerText()).host;
}

async function mint(user: ConsoleBrowser): Promise<string> {
  await user.press('Mint token');
  const token = user.page.locator('.token');
  await token.waitFor();
  return token.innerText();
}

async function useToken(user: ConsoleBrowser, { daemon }: Service): Promise<void> {
  const token = await mint(user);
  const client = endpointClient(await endpointOf(user), daemon.caFile, token);
  assert.equal((await client.send('/state')).status, 200);
  client.close();
  assert.match(await user.page.locator('.command').innerText(), /^curl --cacert "\$TARDIGRADE_CA_FILE" -H 'X-aws-proxy-auth: …' https:/);
  await user.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await user.press(/^Copy curl/);
  assert.ok(String(await user.page.evaluate('navigator.clipboard.readText()')).includes(token));
  await user.sees(/Copied/, '.notices');
  // Two samples make a line.
  await user.page.locator('.chart .line').first().waitFor();
  await user.inspect('microvm-running');
}

async function useTerminal(user: ConsoleBrowser, id: string): Promise<void> {
  const { page } = user;
  await user.press('Open terminal', 'link');
  await page.locator('.xterm-rows', { hasText: '$' }).waitFor();
  await page.keyboard.type('printf "\\033[38;2;99;207;180mtrue colour\\033[0m %s-%s\\n" $((6 * 7)) typed; stty size\n', { delay: 5 });
  await user.sees(/true colour 42-typed/, '.xterm-rows');
  await user.inspect('terminal');
  // Tab is the shell's; what leaves it is said on the page.
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate('document.activeElement.className'), 'xterm-helper-textarea');
  await page.keyboard.press('Control+Shift+L');
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'New shell');
  await page.keyboard.press('Enter');
  // Another shell, at its prompt: not what the one before showed.
  await page.locator('.xterm-rows', { hasText: '$', hasNotText: 'typed' }).waitFor();
  await page.keyboard.type('exit 3\n', { delay: 5 });
  await user.sees('The shell has ended with exit code 3.');
  await page.goBack();
  await page.waitForURL(`**/console/microvms/${id}`);
}

async function suspendAndResume(user: ConsoleBrowser, { daemon }: Service): Promise<void> {
  const token = await mint(user);
  const endpoint = await endpointOf(user);
  await user.press('Suspend');
  await user.is('suspended');
  await user.inspect('microvm-suspended');
  const client = endpointClient(endpoint, daemon.caFile, token);
  assert.equal((await client.send('/state')).status, 200, 'a request resumes it');
  client.close();
  await user.is('running');
  await user.sees(/Resume/, '.launch');
}

/** Every other page, by keyboard where a person may have nothing else. */
async function lookAround(user: ConsoleBrowser, name: string): Promise<void> {
  const { page } = user;
  await user.press('MicroVMs', 'link', 'nav');
  await page.locator('tbody .state.good').first().waitFor();
  await user.inspect('microvms');
  await page.keyboard.press('Tab');
  assert.notEqual(await page.evaluate('document.activeElement.tagName'), 'H1', 'the keyboard goes on from the heading');
  await user.press('Images', 'link', 'nav');
  await page.locator('tbody tr').first().waitFor();
  await user.inspect('images');
  await user.press(name, 'link');
  await user.fill('Tag key', 'team');
  await user.fill('Tag value', 'edge');
  await user.press('Add');
  await page.locator('.tags li', { hasText: 'team' }).waitFor();
  await user.inspect('image');
  await user.press('Connectors', 'link', 'nav');
  await user.press('Create connector');
  await user.inspect('create-connector');
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  await user.inspect('connectors');
  await user.press('Cost', 'link', 'nav');
  await user.sees('vCPU, baseline');
  await user.inspect('cost');
  await user.press(/^Colour scheme/);
  await user.press(/^Colour scheme/);
  assert.equal(await page.evaluate('getComputedStyle(document.documentElement).colorScheme'), 'dark', 'light, then dark, whatever the system says');
  await user.press(/^Colour scheme/);
  await page.goto(`${new URL(page.url()).origin}/console/no/such/page`);
  await user.sees('No such page');
}

async function terminate(user: ConsoleBrowser, id: string): Promise<void> {
  const { page } = user;
  await page.goto(`${new URL(page.url()).origin}/console/microvms/${id}`);
  await user.press('Terminate');
  await user.sees('Terminate this MicroVM?');
  await user.inspect('terminate');
  await user.press('Terminate', 'button', 'dialog');
  await user.is('terminated');
  await user.inspect('microvm-terminated');
}

async function signOut(user: ConsoleBrowser): Promise<void> {
  await user.press('Sign out');
  await user.sees('Secret access key');
  await user.page.reload();
  await user.sees('Secret access key');
}
