import { initial } from './0001-initial.js';
import { connectorsAndVersionNumbers } from './0002-connectors-and-version-numbers.js';
import { crashOnly } from './0003-crash-only.js';
import { usage } from './0004-usage.js';
import { connectorReasons } from './0005-connector-reasons.js';
import { events } from './0006-events.js';
import { telemetry } from './0007-telemetry.js';

/** In order; the database's `user_version` is how many of them it has seen. Append only: a released one never changes. */
export const migrations: readonly string[] = [initial, connectorsAndVersionNumbers, crashOnly, usage, connectorReasons, events, telemetry];
