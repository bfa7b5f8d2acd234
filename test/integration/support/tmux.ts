/** A terminal of its own with a person's hands and eyes, by tmux. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class Tmux {
  readonly #socket = `tardigrade-${randomUUID()}`;

  /** Runs the shell command in a window of that size. */
  static async start(command: string, env: NodeJS.ProcessEnv, cols: number, rows: number): Promise<Tmux> {
    const tmux = new Tmux();
    await run('tmux', ['-L', tmux.#socket, '-f', '/dev/null', 'new-session', '-d', '-x', String(cols), '-y', String(rows), command], { env: { ...env, TERM: 'xterm' } });
    return tmux;
  }

  /** Keys by tmux's names: `Enter`, `C-c`, `Escape`. */
  async keys(...keys: readonly string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys);
  }

  async type(text: string): Promise<void> {
    await this.#tmux('send-keys', '-l', text);
  }

  async line(text: string): Promise<void> {
    await this.type(text);
    await this.keys('Enter');
  }

  async resize(cols: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', String(cols), '-y', String(rows));
  }

  screen(): Promise<string> {
    return this.#tmux('capture-pane', '-p');
  }

  /** Waits until the screen matches; the test's own time limit ends it. */
  async shows(wanted: RegExp, limitMs = 60_000): Promise<string> {
    for (const end = Date.now() + limitMs; ; await pause(50)) {
      const screen = await this.screen();
      if (wanted.test(screen)) return screen;
      if (Date.now() > end) throw new Error(`the screen never showed ${String(wanted)}:\n${screen}`);
    }
  }

  async end(): Promise<void> {
    await this.#tmux('kill-server').catch(() => ''); // it ended with its last window
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    return (await run('tmux', ['-L', this.#socket, ...args])).stdout;
  }
}
