/** Commands of the host itself: they read its settings and folders, and speak no API. */
import type { Logger } from 'pino';
import type { Config } from '../../config/config.js';
import { type Define, json } from './define.js';

/** The service's own, at the settings' level, on standard error. */
async function loggerOf({ logLevel }: Config): Promise<Logger> {
  const { pino } = await import('pino');
  return pino({ level: logLevel }, pino.destination({ dest: 2, sync: false }));
}

export const defineHost: Define = (program, runtime) => {
  json(program.command('serve')).summary('serve the AWS API and the MicroVM endpoints until Ctrl-C')
    .description('Serves the AWS API and the MicroVM endpoints until Ctrl-C, which suspends what runs. Settings are TARDIGRADE_*\nvariables (docs/configuration.md).')
    .option('--unlimited', 'without AWS\'s rates and quotas, for a private machine')
    .action(async (options: { unlimited?: boolean; json?: boolean }) => {
      const context = runtime.context(options);
      const config = await context.settings();
      const { serve } = await import('../commands/serve.js');
      await serve(context, { ...config, unlimited: config.unlimited || options.unlimited === true }, await loggerOf(config));
    });
  program.command('setup').summary('make kernel, base image and builder now, not at the first start')
    .description('Makes kernel, base image and builder now instead of at the first start.')
    .action(async () => {
      const config = await runtime.context({}).settings();
      const [{ prepareAssets }, { createProgress }] = await Promise.all([import('../../daemon/prepare.js'), import('../progress.js')]);
      await prepareAssets(config, await loggerOf(config), createProgress());
    });
  json(program.command('env')).summary('print the exports that point any AWS tool here').description('Prints exports for the shell: eval "$(tardigrade env)"').action(async (options: { json?: boolean }) => {
    const [{ localAccess }, { environment, variables }] = await Promise.all([import('../../daemon/access.js'), import('../commands/env.js')]);
    const context = runtime.context(options);
    const access = await localAccess(await context.settings());
    context.result(variables(access), () => environment(access));
  });
  json(program.command('doctor')).summary('look at this host, and say what to mend and how')
    .description('Looks at this host, and says what to mend and how. Exit code 1 when something does not work.')
    .action(async (options: { json?: boolean }) => {
      const { doctor } = await import('../commands/doctor.js');
      const context = runtime.context(options);
      runtime.exit(await doctor(context, await context.settings()));
    });
  json(program.command('destroy-key')).argument('<account>', 'account number, 12 digits').summary('make all that is encrypted of an account unreadable, for good')
    .description('Makes all encrypted images and MicroVMs of an account unreadable, for good. The service must be stopped.')
    .option('--yes', 'do it')
    .action(async (account: string, options: { yes?: boolean; json?: boolean }) => {
      const { destroyKeyOf } = await import('../../daemon/destroy-key.js');
      const context = runtime.context(options);
      const told = await destroyKeyOf({ accountId: account, yes: options.yes ?? false }, await context.settings());
      context.result({ accountId: account, message: told }, () => `${told}\n`);
    });
  json(program.command('backup')).argument('<file>', 'archive to write: .tar or .tar.zst').summary('copy the data folder into an archive, while the service runs or not')
    .description('Copies records, keys, images and suspended MicroVMs into an archive (docs/operations.md), while the service runs or not.')
    .action(async (file: string, options: { json?: boolean }) => {
      const context = runtime.context(options);
      const { backup } = await import('../commands/backup.js');
      await backup(context, await context.settings(), file);
    });
  json(program.command('restore')).argument('<file>', 'archive of tardigrade backup').summary('put such an archive into an empty data folder')
    .description('Puts an archive of tardigrade backup into an empty data folder. The service must be stopped.')
    .action(async (file: string, options: { json?: boolean }) => {
      const context = runtime.context(options);
      const { restore } = await import('../commands/restore.js');
      await restore(context, await context.settings(), file);
    });
  const config = program.command('config').summary('check the settings file, show the settings in force').description('Settings of this host\'s service: TARDIGRADE_* variables over a file (docs/configuration.md).');
  json(config.command('check')).argument('[file]', 'settings file (default: of --config, TARDIGRADE_CONFIG, or /etc/tardigrade/config.yaml)').summary('is a settings file good?')
    .description('Says whether a settings file is good, and each line that is not.')
    .action(async (file: string | undefined, options: { json?: boolean }) => {
      const context = runtime.context(options);
      const { configCheck } = await import('../commands/config.js');
      let told = '';
      await configCheck(file, { env: context.io.env, file: context.options.config, write: (text) => (told += text) });
      context.result({ good: true, message: told.trimEnd() }, () => told);
    });
  json(config.command('show')).summary('all settings in force here, and where they come from').description('Prints all settings in force here and where they come from; secrets are hidden.')
    .action(async (options: { json?: boolean }) => {
      const context = runtime.context(options);
      const { configShow } = await import('../commands/config.js');
      await configShow({ json: context.json }, { env: context.io.env, file: context.options.config, write: (text) => context.print(text) });
    });
};
