/** The commands of the documents do what the documents say: each page's are run in one shell, in their order. */
import { after, before, describe, it } from 'node:test';
import { dirname, join } from 'node:path';
import { messageOf } from '../../src/errors/index.js';
import { isCommands, type Page, pages, ROOT } from '../support/docs/blocks.js';
import { runPage, type Surroundings } from '../support/docs/run-page.js';
import { awsCli } from './support/awscli.js';
import { cliEnvironment } from './support/cli.js';
import { flaskImage } from './support/images.js';
import { closeShared, type Service, sharedService } from './support/service.js';

/** ms one page may take. */
const PAGE_MS = 240_000;

const run = (page: Page) => page.blocks.filter((block) => isCommands(block) && block.notRun === undefined);
const toRun = (await pages()).filter((page) => run(page).length > 0);

describe('commands of the documents', () => {
  let service: Service;
  let surroundings: Surroundings;
  let noAws: string | undefined;
  before(async () => {
    service = await sharedService();
    // The CLI is in a root of its own: it finds the page's folder mounted there.
    const aws = await awsCli(service).then(({ root }) => {
      const inRoot = `cd /mnt && exec aws "$@"`;
      return `exec unshare --mount sh -c 'mount --bind "$PWD" ${root}/mnt && exec /usr/sbin/chroot ${root} /bin/sh -c "$0" aws "$@"' '${inRoot}' "$@"`;
    }, (error: unknown) => {
      noAws = messageOf(error);
      return 'echo "no AWS CLI here" >&2; exit 1';
    });
    const node = process.execPath;
    surroundings = {
      timeoutMs: PAGE_MS,
      env: {
        ...Object.fromEntries(Object.entries(cliEnvironment(service)).filter((entry): entry is [string, string] => entry[1] !== undefined)),
        TARDIGRADE_DATA_DIR: service.config.dataDir, TARDIGRADE_ASSETS_DIR: service.config.assetsDir,
        TARDIGRADE_API_PORT: new URL(service.daemon.apiUrl).port, TARDIGRADE_ENDPOINT_PORT: String(service.daemon.endpointPort),
        AWS_PAGER: '', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', FLASK_IMAGE: await flaskImage('ready'),
      },
      programs: {
        aws,
        tardigrade: `exec ${node} --import ${join(ROOT, 'node_modules/tsx/dist/loader.mjs')} ${join(ROOT, 'src/cli/main.ts')} "$@"`,
        npx: `[ "$1" != tardigrade ] || { shift; exec tardigrade "$@"; }\nexec ${join(dirname(node), 'npx')} "$@"`,
      },
    };
  });
  after(() => closeShared());

  for (const page of toRun) {
    it(page.path, async (t) => {
      if (noAws !== undefined && run(page).some((block) => block.lines.some((line) => /\baws /.test(line)))) return t.skip(`Debian sid's awscli cannot be installed: ${noAws}`);
      // A page that sets the environment itself must get by with what it sets.
      const itself = run(page).some((block) => block.lines.some((line) => line.includes('tardigrade env')));
      const { env } = surroundings;
      await runPage(page, itself ? { ...surroundings, env: Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('AWS_') || name === 'AWS_PAGER')) } : surroundings);
    });
  }
});
