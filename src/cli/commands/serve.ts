/** `tardigrade serve`: runs the service until it is told to stop. */
import type { Logger } from 'pino';
import type { Config } from '../../config/config.js';
import { type Guests, startDaemon } from '../../daemon/daemon.js';
import { messageOf } from '../../errors/index.js';
import { createServiceManager } from '../../sockets/notify.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { createProgress } from '../progress.js';
import { mustBeFree } from './free-ports.js';

export async function serve(context: Context, config: Config, logger: Logger): Promise<void> {
  if (process.getuid?.() !== 0) throw new CliError(EXIT.failed, 'serve needs root, for network namespaces, taps and /dev/kvm', ['sudo tardigrade serve']);
  // Now, as the start that would fail at it may take minutes.
  await mustBeFree(config, context.io.env);
  const manager = createServiceManager(process.env, (error) => logger.warn({ error: messageOf(error) }, 'the service manager does not hear'));
  const progress = createProgress();
  manager.tell('STATUS=Preparing');
  const daemon = await startDaemon(config, logger, progress);
  context.result({ apiUrl: daemon.apiUrl, endpointPort: daemon.endpointPort, caFile: daemon.caFile ?? null, engine: daemon.info }, () => [
    `Tardigrade serves the AWS API on ${daemon.apiUrl} and MicroVM endpoints on port ${daemon.endpointPort}.`,
    `Engine: ${daemon.info.vmm}, ${daemon.info.accelerator === 'kvm' ? 'KVM: ' : ''}${daemon.info.reason}.`,
    `In another terminal: eval "$(npx tardigrade env)". Ctrl-C suspends what runs and stops; SIGTERM ${config.onSigterm === 'keep' ? 'leaves it running for the next start' : 'does so too'}.`,
    '',
  ].join('\n'));
  manager.tell(`READY=1\nSTATUS=API on ${daemon.apiUrl}, endpoints on port ${daemon.endpointPort}`);
  const stopWatchdog = manager.startWatchdog();
  const guests = await new Promise<Guests>((resolve) => {
    // A second signal must not cut the suspending short, or guests would be lost: it is ignored.
    for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve('suspend'));
    process.on('SIGTERM', () => resolve(config.onSigterm));
  });
  manager.tell(`STOPPING=1\nSTATUS=${guests === 'keep' ? 'Stopping; MicroVMs run on' : 'Suspending MicroVMs'}`);
  await progress.step(guests === 'keep' ? 'stop, and leave MicroVMs running' : 'suspend running MicroVMs and stop', () => daemon.close(guests));
  stopWatchdog();
}
