/** `tardigrade ps|inspect|suspend|resume|rm`. */
import type { Api, Launch, Microvm } from '../client/api.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { stateColour } from '../output/style.js';
import { facts, table } from '../output/table.js';
import { ageText, durationText, parseDuration, timeText } from '../output/units.js';
import { findMicrovm, imageName, shortId } from '../resolve.js';
import { inspectImage } from './images.js';
import { reach } from './reach.js';

export async function listMicrovms(context: Context, { all }: { readonly all?: boolean }): Promise<void> {
  const api = await context.api();
  const microvms = (await api.microvms()).filter(({ state }) => all === true || state !== 'TERMINATED').sort((a, b) => b.startedAt - a.startedAt);
  context.result(microvms, () => {
    const rows = microvms.map((vm) => [shortId(vm.microvmId), `${imageName(vm.imageArn)}:${vm.imageVersion}`, vm.state, ageText(vm.startedAt)]);
    return table([{ title: 'ID' }, { title: 'IMAGE' }, { title: 'STATE' }, { title: 'AGE' }], rows, (cell, column) => (column === 2 ? context.style(stateColour(cell), cell) : cell));
  });
  if (microvms.length === 0 && !context.json) context.note('Nothing runs. Start a MicroVM: tardigrade run <image>');
}

/** A MicroVM, or else an image of that name. */
export async function inspect(context: Context, given: string): Promise<void> {
  const api = await context.api();
  let id: string;
  try {
    id = await findMicrovm(api, given);
  } catch (error) {
    const isImage = error instanceof CliError && (await api.images()).some(({ name, imageArn }) => name === given || imageArn === given);
    if (isImage) return inspectImage(context, given);
    throw error;
  }
  const [microvm, outlook, launches] = await Promise.all([api.microvm(id), api.outlook(id), api.launches(id)]);
  context.result({ ...microvm, outlook: outlook ?? null, launches: launches ?? null }, () => describe(microvm, outlook?.next, launches?.[0]));
}

function describe(vm: Microvm, next: { readonly to: string; readonly at: number; readonly because: string } | null | undefined, launch: Launch | undefined): string {
  const names = (arns: readonly string[] | null | undefined): string => (arns ?? []).map((arn) => arn.slice(arn.lastIndexOf(':') + 1)).join(', ');
  return facts([
    ['MicroVM', vm.microvmId],
    ['Image', `${imageName(vm.imageArn)}:${vm.imageVersion}`],
    ['State', vm.state],
    ['Reason', vm.stateReason ?? undefined],
    ['Endpoint', `https://${vm.endpoint}`],
    ['Started', `${timeText(vm.startedAt)}, ${ageText(vm.startedAt)} ago`],
    ['Ended', vm.terminatedAt ? timeText(vm.terminatedAt) : undefined],
    ['Next', next ? `${next.to} in ${durationText(next.at - Date.now() / 1000)} (${timeText(next.at)}): ${next.because}` : undefined],
    ['Idle policy', vm.idlePolicy ? `suspend after ${durationText(vm.idlePolicy.maxIdleDurationSeconds)}, keep for ${durationText(vm.idlePolicy.suspendedDurationSeconds)}, ${vm.idlePolicy.autoResumeEnabled ? 'requests resume it' : 'requests do not resume it'}` : 'none'],
    ['Ingress', names(vm.ingressNetworkConnectors)],
    ['Egress', names(vm.egressNetworkConnectors)],
    ['Role', vm.executionRoleArn ?? undefined],
    ['Last launch', launch && `${launch.kind}, ${launch.totalMs.toFixed(0)} ms: ${launch.phases.map(({ name, durationMs }) => `${name} ${durationMs.toFixed(1)}`).join(', ')}`],
  ]);
}

export interface ChangeOptions {
  readonly wait: boolean;
  readonly timeout: string;
}

const CHANGES = {
  suspend: { to: 'SUSPENDED', call: (api: Api, id: string) => api.suspend(id) },
  resume: { to: 'RUNNING', call: (api: Api, id: string) => api.resume(id) },
  rm: { to: 'TERMINATED', call: (api: Api, id: string) => api.terminate(id) },
} as const;

/** One after the other; each id is printed when its MicroVM has reached the state. */
export async function change(context: Context, what: keyof typeof CHANGES, given: readonly string[], options: ChangeOptions): Promise<void> {
  const timeout = parseDuration(options.timeout, '--timeout');
  const api = await context.api();
  const { to, call } = CHANGES[what];
  const changed: { microvmId: string; state: string }[] = [];
  for (const name of given) {
    const id = await findMicrovm(api, name);
    await call(api, id);
    const { state } = options.wait ? await reach(api, id, to, timeout) : await api.microvm(id);
    changed.push({ microvmId: id, state });
    if (!context.json) context.print(`${id}  ${state}\n`);
  }
  if (context.json) context.result(changed, () => '');
}
