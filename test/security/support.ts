/** The host's side of the hostile guests. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CreateMicrovmImageCommandInput } from '@aws-sdk/client-lambda-microvms';
import { zipFolder } from '../../examples/quickstart/zip.js';
import { buildImage, READY_ON_8080 } from '../integration/support/images.js';
import type { RunningVm } from '../integration/support/microvms.js';
import { vmmOf } from '../integration/support/residue.js';
import { type Service, sharedService } from '../integration/support/service.js';

const run = promisify(execFile);

/** What the attempts aim at. */
export interface Targets {
  /** TCP, on all addresses of the host. */
  readonly hostPorts: readonly number[];
  readonly hostUdpPort: number;
  readonly hostAddresses: readonly string[];
  readonly hostAddresses6: readonly string[];
  readonly hostName: string;
  readonly hostPaths: readonly string[];
  /** Hex, bytes reversed. */
  readonly secretsReversed: readonly string[];
  /** Where the host reaches other guests. */
  readonly otherLinks: readonly string[];
  /** A metadata token of another MicroVM. */
  readonly otherToken: string;
  /** Where floods of packets go. */
  readonly flooded: string;
}

export interface Attempt {
  readonly name: string;
  readonly boundary: 'vm' | 'container';
  /** It may end the guest. */
  readonly last: boolean;
}

export interface Outcome {
  readonly name: string;
  readonly crossed: boolean;
  readonly broken?: boolean;
  readonly how: string;
}

/** With the capabilities a container has by default, or with all. */
export type Power = 'default' | 'all';

const built = new Map<Power, Promise<string>>();

/** The shared service's hostile image; built once in a run. Its suspend hook answers as it is told to. */
export function attackerImage(power: Power): Promise<string> {
  const building = built.get(power) ?? buildAttacker(power);
  built.set(power, building);
  return building;
}

async function buildAttacker(power: Power): Promise<string> {
  const service = await sharedService();
  const uri = await service.upload('attacker.zip', await zipFolder(fileURLToPath(new URL('attacker', import.meta.url))));
  const more: Partial<CreateMicrovmImageCommandInput> = power === 'all' ? { additionalOsCapabilities: ['ALL'] } : {};
  const outcome = await buildImage(service, `attacker-${power}`, uri, { hooks: { ...READY_ON_8080, microvmHooks: { suspend: 'ENABLED', suspendTimeoutInSeconds: 3 } }, ...more });
  if (outcome.state !== 'CREATED') throw new Error(`the hostile image is ${outcome.state}: ${outcome.log}`);
  return outcome.imageArn;
}

/** Guests have two CPUs here. */
const AT_ONCE = 4;

export async function attemptsOf(vm: RunningVm): Promise<Attempt[]> {
  return JSON.parse((await vm.http.send('/attempts')).body) as Attempt[];
}

export async function post<T = unknown>(vm: RunningVm, path: string, body: unknown): Promise<T> {
  const answer = await vm.http.send(path, { method: 'POST', body: JSON.stringify(body) });
  if (answer.status !== 200) throw new Error(`POST ${path}: ${answer.status} ${answer.body}`);
  return JSON.parse(answer.body) as T;
}

/** Some at a time; those that may end the guest come last, alone. */
export async function tryAll(vm: RunningVm, attempts: readonly Attempt[], targets: Targets): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const queue = attempts.filter(({ last }) => !last);
  const one = async ({ name }: Attempt): Promise<void> => {
    outcomes.push({ name, ...(await post<Omit<Outcome, 'name'>>(vm, `/attempt/${name}`, targets)) });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await one(next);
  }));
  for (const attempt of attempts.filter(({ last }) => last)) {
    await one(attempt).catch((error: unknown) => outcomes.push({ name: attempt.name, crossed: false, how: `the guest ended: ${(error as Error).message}` }));
  }
  return outcomes;
}

/** The address at which the host reaches that MicroVM's guest: that of the veth in its launcher's namespace. */
export async function linkOf(service: Service, id: string): Promise<string> {
  const { launcher } = await vmmOf(service, id);
  const { stdout } = await run('nsenter', [`--net=/proc/${launcher}/ns/net`, 'ip', '-o', '-4', 'addr', 'show']);
  const address = /inet (\d+\.\d+\.\d+\.\d+)\/31/.exec(stdout)?.[1];
  if (address === undefined) throw new Error(`no link of ${id}: ${stdout}`);
  return address;
}
