/**
 * The boundary between tenants: two MicroVMs of the image, one of which tries to leave, and a client with the keys of one
 * that tries the other.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { firstAnswer } from './answer.js';
import { attempt } from './attempt.js';
import { type Beginning, waiting } from './beginning.js';
import { outside } from './boundary-outside.js';
import { BY_REQUEST, type Fleet, type Vm } from './client/fleet.js';
import { Probe } from './client/guest.js';
import type { Finding, Section } from './types.js';
import { finding, section } from './findings.js';
import type { HostFacts } from './host.js';
import type { PlaceProbe } from './probe.js';

export interface BoundaryOptions {
  readonly place: PlaceProbe;
  /** Where services of the host are looked for. */
  readonly host: HostFacts;
  readonly apiPort: number;
}

const traits = z.object({
  port: z.number(), addresses: z.array(z.string()), file: z.string(), metadataToken: z.string(), random: z.string(), bootId: z.string(), touched: z.boolean(),
});
const outcome = z.object({ name: z.string(), expected: z.string(), seen: z.string(), outcome: z.enum(['held', 'failed', 'not-checked']) });

export function beginBoundary(fleet: Fleet, options: BoundaryOptions, say: (text: string) => void): Beginning<Section<'boundary', undefined>> {
  say('boundary: a token that is kept until it is over');
  const expired = waiting((begun) => outside.expiredToken(fleet, begun));
  const finish = async (): Promise<Section<'boundary', undefined>> => {
    say('boundary: two MicroVMs, one of which tries to reach the other');
    const [attacker, neighbour] = [await launch(fleet), await launch(fleet)];
    const inside = await fromInside(fleet, attacker, neighbour, options);
    const findings = [...inside, ...(await outside.all(fleet, attacker, neighbour)), ...(await outside.afterTheEnd(fleet, attacker))];
    await fleet.end(neighbour);
    return section<'boundary', undefined>('boundary', 'Tenant boundary', [...findings, await expired.over]);
  };
  return { begun: expired.begun, finish };
}

async function launch(fleet: Fleet): Promise<Vm> {
  const { region } = fleet.api.access;
  const ingressNetworkConnectors = ['HTTP_INGRESS', 'SHELL_INGRESS'].map((name) => `arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`);
  const vm = await fleet.launch({ idlePolicy: BY_REQUEST, ingressNetworkConnectors });
  await firstAnswer(fleet, vm);
  return vm;
}

async function fromInside(fleet: Fleet, attacker: Vm, neighbour: Vm, options: BoundaryOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  const ran = await attempt('a probe inside both MicroVMs', 'runs', fleet.signal, async () => {
    findings.push(...(await probe(fleet, attacker, neighbour, options)));
    return { seen: `${findings.length} attempts`, held: findings.length > 0 };
  });
  return [ran, ...findings.map((one) => ({ ...one, name: `inside: ${one.name}` }))];
}

async function probe(fleet: Fleet, attacker: Vm, neighbour: Vm, { place, host, apiPort }: BoundaryOptions): Promise<Finding[]> {
  const { access } = fleet.api;
  for (const vm of [attacker, neighbour]) await place(access, vm.id);
  const endpointPort = Number(neighbour.host.split(':')[1] ?? 443);
  const secret = randomBytes(24).toString('hex');
  const listening = await Probe.start(access, neighbour.id, 'neighbour');
  try {
    listening.tell({ secret });
    const is = traits.parse(await listening.next());
    const trying = await Probe.start(access, attacker.id, 'try');
    const findings: Finding[] = [];
    try {
      trying.tell({
        secret, neighbour: is, appPort: fleet.target.port, hostPorts: [apiPort, endpointPort], hostAddresses: host.addresses, services: [],
        ownsMachine: fleet.target.image.allCapabilities,
      });
      for (let line = await trying.next(); line !== undefined; line = await trying.next()) findings.push(outcome.parse(line));
      await trying.end();
    } finally {
      trying.close();
    }
    listening.finish();
    const { touched } = traits.parse(await listening.next());
    return [...findings, finding('what the neighbour noticed', 'nothing', touched ? 'somebody connected' : 'nothing', !touched)];
  } finally {
    listening.close();
  }
}

