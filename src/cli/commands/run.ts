/** `tardigrade run <image>`: a MicroVM that takes requests, and how to send it one. */
import { readFile } from 'node:fs/promises';
import type { Api, Microvm } from '../client/api.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { facts } from '../output/table.js';
import { Status } from '../output/status.js';
import { durationText, millisText, parseDuration } from '../output/units.js';
import { findImage, shortId, type FoundImage } from '../resolve.js';
import { reach } from './reach.js';

export interface RunOptions {
  readonly idle?: string;
  readonly keepSuspended?: string;
  readonly autoResume: boolean;
  readonly duration?: string;
  readonly ingress: readonly string[];
  readonly egress: readonly string[];
  readonly shell?: boolean;
  readonly payload?: string;
  readonly role?: string;
  readonly port: number;
  readonly wait: boolean;
  readonly timeout: string;
}

/** How long a suspended MicroVM is kept when only --idle is given: as long as one may live. */
const KEEP_SUSPENDED = 28_800;

export async function run(context: Context, given: string, options: RunOptions): Promise<void> {
  const timeout = parseDuration(options.timeout, '--timeout');
  const api = await context.api();
  const found = await findImage(api, given);
  await mustBeBuilt(found, context.again);
  const input = { imageIdentifier: found.image.imageArn, ...(found.version === undefined ? {} : { imageVersion: found.version }), ...(await inputOf(options, api.access.region)) };
  const status = new Status(context.io.stderr);
  try {
    status.begin(`run ${found.image.name}`);
    const started = await api.run(input);
    const microvm = options.wait ? await reach(api, started.microvmId, 'RUNNING', timeout) : started;
    const ms = status.elapsed;
    status.close();
    context.result({ ...microvm, url: `https://${microvm.endpoint}`, milliseconds: Math.round(ms) }, () => text(context, api, microvm, options, ms));
  } finally {
    status.close();
  }
}

/** What the API says of an image without an active version fits one that never was; here it is known which. */
async function mustBeBuilt({ image: { name, state, latestActiveImageVersion }, version }: FoundImage, again: string): Promise<void> {
  if (version !== undefined || latestActiveImageVersion) return Promise.resolve();
  if (state === 'CREATING' || state === 'UPDATING') throw new CliError(EXIT.state, `the image '${name}' is still being built (${state})`, [`wait for its end: tardigrade logs -f ${name}${again}`, `then: tardigrade run ${name}${again}`]);
  throw new CliError(EXIT.state, `the image '${name}' is ${state} and has no version that can be run`, [`see why: tardigrade image inspect ${name}${again}`, 'build it again: tardigrade image build <folder or zip>']);
}

async function inputOf(options: RunOptions, region: string): Promise<Record<string, unknown>> {
  const ingress = [...options.ingress, ...(options.shell === true ? [...(options.ingress.length === 0 ? ['HTTP_INGRESS'] : []), 'SHELL_INGRESS'] : [])];
  if (options.idle === undefined && (options.keepSuspended !== undefined || !options.autoResume)) {
    throw new CliError(EXIT.usage, '--keep-suspended and --no-auto-resume are of no use without --idle', ['say after which time without a request it is suspended: --idle 15m']);
  }
  return {
    ...(options.idle === undefined ? {} : {
      idlePolicy: {
        maxIdleDurationSeconds: parseDuration(options.idle, '--idle'),
        suspendedDurationSeconds: options.keepSuspended === undefined ? KEEP_SUSPENDED : parseDuration(options.keepSuspended, '--keep-suspended'),
        autoResumeEnabled: options.autoResume,
      },
    }),
    ...(options.duration === undefined ? {} : { maximumDurationInSeconds: parseDuration(options.duration, '--duration') }),
    ...(ingress.length === 0 ? {} : { ingressNetworkConnectors: [...new Set(ingress)].map((name) => connectorArn(name, region)) }),
    ...(options.egress.length === 0 ? {} : { egressNetworkConnectors: options.egress.map((name) => connectorArn(name, region)) }),
    ...(options.payload === undefined ? {} : { runHookPayload: options.payload.startsWith('@') ? await readFile(options.payload.slice(1), 'utf8') : options.payload }),
    ...(options.role === undefined ? {} : { executionRoleArn: options.role }),
  };
}

/** AWS's own connectors by their names alone; ours, NO_EGRESS, too. */
function connectorArn(name: string, region: string): string {
  if (name.startsWith('arn:')) return name;
  if (name === 'NO_EGRESS') return `arn:aws:lambda:${region}:tardigrade:network-connector:tardigrade-network-connector:${name}`;
  if (!/^[A-Z_]+$/.test(name)) throw new CliError(EXIT.usage, `'${name}' is no connector`, ['name HTTP_INGRESS, SHELL_INGRESS, ALL_INGRESS, INTERNET_EGRESS or NO_EGRESS, or one of your own by its ARN']);
  return `arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`;
}

function text(context: Context, { access: { caFile } }: Api, { microvmId, state, endpoint, idlePolicy, maximumDurationInSeconds }: Microvm, { port }: RunOptions, ms: number): string {
  const id = shortId(microvmId);
  const portOption = port === 8080 ? '' : ` --port ${port}`;
  return facts([
    ['MicroVM', microvmId],
    ['State', `${state} after ${millisText(ms)}`],
    ['Endpoint', `https://${endpoint}`],
    ['Idle', idlePolicy ? `suspended after ${durationText(idlePolicy.maxIdleDurationSeconds)} without a request; ${idlePolicy.autoResumeEnabled ? 'the next request resumes it' : 'resumes by tardigrade resume only'}` : undefined],
    ['Ends', maximumDurationInSeconds ? `${durationText(maximumDurationInSeconds)} after its start, or by: tardigrade rm ${id}${context.again}` : undefined],
    ['Request', `tardigrade curl ${id} /${portOption}${context.again}`],
    // The token goes through a pipe: in an argument, every user of this computer could read it.
    ['With curl', `tardigrade token ${id}${portOption}${context.again} | curl -H @-${caFile === undefined ? '' : ` --cacert ${caFile}`} https://${endpoint}/`],
  ]);
}
