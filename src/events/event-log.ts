import type { Logger } from 'pino';
import type { EventRecord } from '../store/contracts.js';

/** A line of the daemon's log for each event, so that its log and what others are told can be laid side by side. */
export function logEvent(logger: Pick<Logger, 'info' | 'debug'>, { type, id, accountId: account, detail }: EventRecord): void {
  const { microvmId: microvm, imageArn: image, imageVersion: version, buildId: build, ...rest } = detail;
  const fields = { event: id, account, microvm, image, version, build, ...rest };
  switch (type) {
    case 'MicroVM State Change':
      return logger.info(fields, 'a MicroVM changed its state');
    case 'MicroVM Image State Change':
      return logger.info(fields, 'an image changed its state');
    case 'MicroVM Image Build Step':
      return logger.debug(fields, 'a step of a build');
  }
}
