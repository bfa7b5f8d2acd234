import { join } from 'node:path';
import { fetchArchive, parseS3Uri } from '../artifact/fetch.js';
import { verifyArchive } from '../artifact/verify.js';
import { need, type BuildContext } from '../build-context.js';
import type { Step } from '../step.js';

/** The code artifact: read, and tested in full before any VM is started for it. */
export const fetch: Step = {
  name: 'fetch',
  doing: 'reading the code artifact',
  async run(ctx: BuildContext) {
    const { task, deps, signal } = ctx;
    const { uri } = task.config.codeArtifact;
    const location = need(parseS3Uri(uri), 'an s3:// uri');
    ctx.say(`Reading ${uri}.`);
    const archive = join(ctx.folders.work, 'code.zip');
    const bytes = await fetchArchive(deps.objects, { ...location, accountId: task.accountId }, archive, deps.limits.archive.maxArchiveBytes, signal);
    const { entries, totalBytes } = await verifyArchive(archive, deps.limits.archive, signal);
    ctx.say(`Read ${bytes} bytes: ${entries} entries, ${totalBytes} bytes unpacked.`);
    ctx.archive = archive;
  },
};
