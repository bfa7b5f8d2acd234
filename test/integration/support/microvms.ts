/** MicroVMs for tests: run, reach, wait, end. */
import { setTimeout as pause } from 'node:timers/promises';
import {
  CreateMicrovmAuthTokenCommand, GetMicrovmCommand, RunMicrovmCommand, type RunMicrovmCommandInput, SuspendMicrovmCommand, TerminateMicrovmCommand,
} from '@aws-sdk/client-lambda-microvms';
import { endpointClient, type EndpointClient } from '../../../examples/quickstart/endpoint.js';
import type { Service } from './service.js';

/** The Flask application's answer on /state. */
export interface AppState {
  readonly counter: number;
  readonly disk: number;
  readonly tmpfs: number;
  readonly descriptor: number;
  readonly heartbeat: number;
  readonly heartbeat_alive: boolean;
  readonly pid: number;
  readonly time: number;
  readonly random: string;
  readonly hostname: string;
  readonly run: { microvmId: string; runHookPayload?: string } | null;
  readonly environment: Record<string, string>;
}

export interface RunningVm {
  readonly id: string;
  readonly endpoint: string;
  readonly http: EndpointClient;
  state(): Promise<AppState>;
  change(): Promise<AppState>;
  suspend(): Promise<void>;
  terminate(): Promise<void>;
}

const AUTO_RESUME = { maxIdleDurationSeconds: 900, suspendedDurationSeconds: 900, autoResumeEnabled: true };

export async function runVm(service: Service, imageIdentifier: string, more: Partial<RunMicrovmCommandInput> = {}): Promise<RunningVm> {
  const { microvms } = service;
  const run = await microvms.send(new RunMicrovmCommand({ imageIdentifier, idlePolicy: AUTO_RESUME, ...more }));
  return reach(service, run);
}

/** One that runs already, by the endpoint it has now. */
export async function reconnect(service: Service, id: string): Promise<RunningVm> {
  return reach(service, await service.microvms.send(new GetMicrovmCommand({ microvmIdentifier: id })));
}

async function reach(service: Service, { microvmId: id = '', endpoint = '' }: { microvmId?: string | undefined; endpoint?: string | undefined }): Promise<RunningVm> {
  const { microvms } = service;
  const http = endpointClient(endpoint, service.daemon.caFile, await tokenFor(service, id, 8080));
  const state = async (path: string, method: string): Promise<AppState> => {
    const answer = await http.send(path, { method });
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body) as AppState;
  };
  return {
    id,
    endpoint,
    http,
    state: () => state('/state', 'GET'),
    change: () => state('/state', 'POST'),
    suspend: async () => {
      await microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: id }));
      await reaches(service, id, 'SUSPENDED');
    },
    terminate: async () => {
      http.close();
      await microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: id }));
      await reaches(service, id, 'TERMINATED');
    },
  };
}

export async function tokenFor(service: Service, id: string, port: number): Promise<string> {
  const { authToken } = await service.microvms.send(new CreateMicrovmAuthTokenCommand({ microvmIdentifier: id, expirationInMinutes: 30, allowedPorts: [{ port }] }));
  return authToken?.['X-aws-proxy-auth'] ?? '';
}

/** Waits for a state; fails when the VM ends instead. Answers its stateReason. */
export async function reaches(service: Service, id: string, wanted: string): Promise<string | undefined> {
  for (;;) {
    const { state, stateReason } = await service.microvms.send(new GetMicrovmCommand({ microvmIdentifier: id }));
    if (state === wanted) return stateReason;
    if (state === 'TERMINATED') throw new Error(`MicroVM ${id} is TERMINATED (${stateReason ?? ''}), not ${wanted}`);
    await pause(20);
  }
}
