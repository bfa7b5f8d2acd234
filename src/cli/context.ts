/** What every command gets: where to print, how, and the API it was pointed at. */
import type { Config } from '../config/config.js';
import type { RemoteAccess } from '../daemon/remote.js';
import type { Api } from './client/api.js';
import type { ConnectionOptions } from './client/access.js';
import { styleFor, type Style } from './output/style.js';
import type { Streams } from './session/terminal.js';

export interface Io extends Streams {
  readonly env: NodeJS.ProcessEnv;
}

export interface CommonOptions extends ConnectionOptions {
  readonly json?: boolean;
}

export class Context {
  readonly json: boolean;
  /** For standard output. */
  readonly style: Style;
  #access: Promise<RemoteAccess> | undefined;

  constructor(
    readonly io: Io,
    readonly options: CommonOptions = {},
  ) {
    this.json = options.json ?? false;
    this.style = styleFor(io.stdout, io.env);
  }

  access(): Promise<RemoteAccess> {
    return (this.#access ??= import('./client/access.js').then(({ openAccess }) => openAccess(this.options, this.io.env)));
  }

  /** Of this host's service. */
  async settings(): Promise<Config> {
    const { readConfig } = await import('../config/load.js');
    return (await readConfig(this.options.config, this.io.env)).config;
  }

  async api(): Promise<Api> {
    const [{ Api: Client }, access] = await Promise.all([import('./client/api.js'), this.access()]);
    return new Client(access);
  }

  /** Results: standard output. */
  print(text: string): void {
    this.io.stdout.write(text);
  }

  result(value: unknown, text: () => string): void {
    this.print(this.json ? `${JSON.stringify(value, null, 2)}\n` : text());
  }

  /** Progress, warnings and hints: standard error. */
  note(text: string): void {
    this.io.stderr.write(`${text}\n`);
  }

  /** As it must be typed to reach the same API again, for lines that are pasted. */
  get again(): string {
    const { endpoint, profile, region, caFile } = this.options;
    return [['--endpoint', endpoint], ['--profile', profile], ['--region', region], ['--ca-file', caFile]].map(([name, value]) => (value === undefined ? '' : ` ${name ?? ''} ${value}`)).join('');
  }
}
