/** What clients of a shell may send, beside bytes for the guest. Bytes of the network. */
import { z } from 'zod';
import type { SessionSpec, WindowSize } from '../../microvms/contracts.js';

/** Largest message, bytes. Unknown: shell-limits */
export const MESSAGE_MAX = 1024 * 1024;

const side = z.number().int().min(0).max(65_535);
const size = z.object({ cols: side, rows: side });
const text = z.string().max(64 * 1024).refine((value) => !value.includes('\0'), 'must hold no NUL');
const environment = z.record(text.regex(/^[^=]+$/, 'must be a name'), text);

const resizeMessage = size.extend({ type: z.literal('resize') });
const controlMessage = z.discriminatedUnion('type', [
  resizeMessage,
  z.object({ type: z.literal('signal'), name: z.string().regex(/^[A-Z0-9+-]{1,16}$/) }),
  z.object({ type: z.literal('eof') }),
]);
const startMessage = z.discriminatedUnion('run', [
  z.strictObject({ type: z.literal('start'), run: z.literal('shell'), env: environment.optional(), size: size.optional() }),
  z.strictObject({
    type: z.literal('start'), run: z.literal('exec'), args: z.array(text).min(1).max(4096), env: environment.optional(), cwd: text.optional(), user: text.optional(), terminal: size.optional(),
  }),
  z.strictObject({ type: z.literal('start'), run: z.enum(['pack', 'unpack']), path: text.startsWith('/', 'must be absolute').max(4096) }),
]);

export type Control = z.infer<typeof controlMessage>;

/** A resize message as AWS's clients send it; anything else is for the shell to read. Unknown: shell-resize-form */
export function parseResize(message: string): WindowSize | undefined {
  const parsed = resizeMessage.safeParse(parseJson(message));
  return parsed.success ? { cols: parsed.data.cols, rows: parsed.data.rows } : undefined;
}

export function parseControl(message: string): Control | undefined {
  return controlMessage.safeParse(parseJson(message)).data;
}

/** The first message of a session: what to run, or what is wrong with it. */
export function parseStart(message: string): { readonly spec: SessionSpec } | { readonly wrong: string } {
  const parsed = startMessage.safeParse(parseJson(message));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { wrong: `the start message is not one of the protocol: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}` };
  }
  const { data } = parsed;
  switch (data.run) {
    case 'shell':
      return { spec: { kind: 'shell', env: data.env, size: data.size } };
    case 'exec':
      return { spec: { kind: 'exec', args: data.args, env: data.env, cwd: data.cwd, user: data.user, terminal: data.terminal } };
    case 'pack':
    case 'unpack':
      return { spec: { kind: data.run, path: data.path } };
  }
}

/** undefined for what is no JSON object. */
function parseJson(message: string): unknown {
  if (!message.startsWith('{')) return undefined;
  try {
    return JSON.parse(message);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
