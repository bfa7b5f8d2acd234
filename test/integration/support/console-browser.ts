/** Debian's Chromium on the console, which notes all that a page complains of. */
import assert from 'node:assert/strict';
import { access, mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
/** Kept after the run, for people to look at. */
const OUTPUT = fileURLToPath(new URL('../../../test-output/console', import.meta.url));
/** ms; under emulation and beside other tests everything takes its time. */
const PATIENCE_MS = 180_000;

export const WIDTHS = {
  desktop: { viewport: { width: 1280, height: 860 } },
  phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
} as const;
export type Width = keyof typeof WIDTHS;

export async function hasChromium(): Promise<boolean> {
  return access(CHROMIUM).then(() => true, () => false);
}

export async function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGS });
}

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly impact: string | null; readonly help: string; readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[] }[];
}

export class ConsoleBrowser {
  /** Errors of scripts and in the browser's log, and breaches of the content security policy. */
  readonly complaints: string[] = [];
  /** Bytes over the wire, by path. */
  readonly loaded = new Map<string, number>();

  private constructor(
    readonly width: Width,
    readonly context: BrowserContext,
    readonly page: Page,
    private readonly axe: string,
  ) {}

  static async open(browser: Browser, width: Width): Promise<ConsoleBrowser> {
    await mkdir(OUTPUT, { recursive: true });
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const context = await browser.newContext({ ...WIDTHS[width], colorScheme: 'light' });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const opened = new ConsoleBrowser(width, context, page, axe);
    await opened.#listen();
    return opened;
  }

  async #listen(): Promise<void> {
    const { page, complaints, loaded } = this;
    page.on('pageerror', (error) => complaints.push(`script: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    });
    await page.exposeFunction('violated', (what: string) => complaints.push(`policy: ${what}`));
    await page.addInitScript({ content: "document.addEventListener('securitypolicyviolation', (event) => violated(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`))" });
    const devTools = await this.context.newCDPSession(page);
    const urls = new Map<string, string>();
    devTools.on('Network.responseReceived', ({ requestId, response }) => urls.set(requestId, new URL(response.url).pathname));
    devTools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      const path = urls.get(requestId);
      if (path !== undefined) loaded.set(path, (loaded.get(path) ?? 0) + encodedDataLength);
    });
    await devTools.send('Network.enable');
  }

  /** Waits until that text is on the page, in something of that role if it is given. */
  async sees(text: string | RegExp, within = 'body'): Promise<void> {
    await this.page.locator(within).getByText(text).first().waitFor({ state: 'visible', timeout: PATIENCE_MS });
  }

  /** The state beside the page's title. */
  async is(state: string): Promise<void> {
    try {
      await this.page.locator('.page-title > .state', { hasText: new RegExp(`^${state}$`) }).first().waitFor({ timeout: PATIENCE_MS });
    } catch (error) {
      const shown = await this.page.locator('body').innerText();
      throw new Error(`not ${state}; the page shows: ${shown}`, { cause: error });
    }
  }

  async press(name: string | RegExp, role: 'button' | 'link' = 'button', within = 'body'): Promise<void> {
    await this.page.locator(within).getByRole(role, { name, exact: typeof name === 'string' }).first().click();
  }

  async fill(label: string, value: string): Promise<void> {
    await this.page.getByLabel(label, { exact: true }).fill(value);
  }

  /** In both colour schemes: a picture, and what axe finds. Nothing may be wider than the screen. */
  async inspect(name: string): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      await this.page.emulateMedia({ colorScheme });
      await this.page.screenshot({ path: join(OUTPUT, `${this.width}-${colorScheme}-${name}.png`), fullPage: true, animations: 'disabled' });
      const found = await this.#serious();
      assert.deepEqual(found, [], `axe, ${this.width}, ${colorScheme}, ${name}`);
    }
    await this.page.emulateMedia({ colorScheme: 'light' });
    const overflow = Number(await this.page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'));
    assert.ok(overflow <= 0, `${name} is ${overflow} px wider than ${this.width}`);
  }

  /** Evaluated by the debugger, which no policy of the page holds back. */
  async #serious(): Promise<string[]> {
    await this.page.evaluate(this.axe);
    const { violations } = await this.page.evaluate<AxeResult>("axe.run({ resultTypes: ['violations'] })");
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary = '' }) => `${id}: ${help}: ${html} ${failureSummary}`));
  }

  close(): Promise<void> {
    return this.context.close();
  }
}
