/** How a receiver knows that a delivery is ours and fresh (docs/events.md has the receiver's half). */
import { createHmac } from 'node:crypto';
import { OperatorError } from '../../errors/index.js';
import { readPrivateFile } from '../../files/private-files.js';

const MIN_SECRET = 32; // characters
/** One in use, and one that takes its place. */
const MAX_SECRETS = 2;

/** `v1=<hex HMAC-SHA256 of "timestamp.body">`, one for each secret, separated by commas. `timestamp`: seconds since 1970. */
export function signatures(secrets: readonly string[], timestamp: string, body: string): string {
  return secrets.map((secret) => `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`).join(',');
}

/** One a line. Throws OperatorError; no part of a secret is in its message. */
export async function readSecrets(path: string): Promise<string[]> {
  const text = await readPrivateFile(path, 'the secret of webhooks');
  if (text === undefined) throw new OperatorError(`TARDIGRADE_WEBHOOK_SECRET_FILE: ${path} does not exist; make one with: (umask 077; openssl rand -hex 32 > ${path})`);
  const secrets = text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  if (secrets.length === 0 || secrets.length > MAX_SECRETS) throw new OperatorError(`TARDIGRADE_WEBHOOK_SECRET_FILE: ${path} has ${secrets.length} secrets; one is needed, and a second may follow in the next line`);
  const short = secrets.find((secret) => secret.length < MIN_SECRET);
  if (short !== undefined) throw new OperatorError(`TARDIGRADE_WEBHOOK_SECRET_FILE: a secret in ${path} has ${short.length} characters, ${MIN_SECRET} are needed at least`);
  return secrets;
}
