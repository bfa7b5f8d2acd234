import { AppConnectError, GuestAgentError } from './contracts.js';

/** Longest message of a guest that is passed on, in characters. */
const MESSAGE_MAX = 8192;

export type Answer = Readonly<Record<string, unknown>>;

/** Parses the agent's answer line. Throws {@link AppConnectError} for `refused`, {@link GuestAgentError} for any other refusal. */
export function parseAnswer(op: string, line: string): Answer {
  const answer = parseObject(line);
  if (answer?.['ok'] === true) return answer;
  const { ok, code, message } = answer ?? {};
  if (ok !== false || typeof code !== 'string' || typeof message !== 'string') {
    throw new GuestAgentError(`the guest agent's answer to ${op} breaks the protocol: ${JSON.stringify(line.slice(0, 120))}`);
  }
  const text = message.slice(0, MESSAGE_MAX);
  if (code === 'refused') throw new AppConnectError(text);
  throw new GuestAgentError(text, { code });
}

/** The JSON object in `line`, or undefined when it holds anything else. */
export function parseObject(line: string): Answer | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return isObject(value) ? value : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
