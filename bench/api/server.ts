/**
 * The served side, a process of its own: the real API server over a real store with 10,000 MicroVMs, and a bare
 * node:http server that answers the same bytes. Nothing of a VM is behind it: only reads are measured.
 */
import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createApiServer } from '../../src/api/server.js';
import { systemClock } from '../../src/clock/index.js';
import { noMetrics } from '../../src/metrics/contracts.js';
import { createMicrovms } from '../../src/microvms/service.js';
import { unlimited } from '../../src/quotas/defaults.js';
import { createThrottle } from '../../src/quotas/throttle.js';
import { openStore } from '../../src/store/sqlite/open.js';
import { ACCOUNT, IMAGE, KEY, RECORDS, REGION, microvmId, type Bare, type Ready } from './protocol.js';

/** For the layers below, which reads never reach. */
function untouched(name: string): never {
  return new Proxy({}, {
    get(_target, member) {
      throw new Error(`the benchmark reached ${name}.${String(member)}`);
    },
  }) as never;
}

const dataDir = await mkdtemp(join(tmpdir(), 'tardigrade-bench-'));
const store = openStore(join(dataDir, 'tardigrade.db'));
store.transaction(() => {
  for (let i = 0; i < RECORDS; i++) {
    store.insertMicrovm({
      id: microvmId(i), accountId: ACCOUNT, endpointLabel: microvmId(i).slice(8), state: 'RUNNING', imageArn: IMAGE, imageVersion: '1.0',
      idlePolicy: { maxIdleDurationSeconds: 900, suspendedDurationSeconds: 300, autoResumeEnabled: true }, maximumDurationInSeconds: 28_800,
      ingressNetworkConnectors: [`arn:aws:lambda:${REGION}:aws:network-connector:aws-network-connector:HTTP_INGRESS`],
      egressNetworkConnectors: [`arn:aws:lambda:${REGION}:aws:network-connector:aws-network-connector:INTERNET_EGRESS`],
      startedAt: Date.now(), startedSteady: Date.now(), resumeOnStart: false,
    });
  }
});

const log = pino({ level: 'info' }, pino.destination(2));
const microvms = createMicrovms({
  catalog: untouched('catalog'), connectors: untouched('connectors'), engine: untouched('engine'), links: untouched('links'),
  agentFor: untouched('agentFor'), callHook: untouched('callHook'), log: untouched('log'),
  store, dataDir, clock: systemClock, config: { region: REGION }, logger: log, metrics: noMetrics,
});
const keys = new Map([[KEY.accessKeyId, { ...KEY, accountId: ACCOUNT }]]);
const api = createApiServer({
  images: untouched('images'), connectors: untouched('connectors'), tags: untouched('tags'), tokens: untouched('tokens'),
  s3: untouched('s3'), usage: untouched('usage'), samples: untouched('samples'), garbage: untouched('garbage'), events: untouched('events'), logs: untouched('logs'),
  config: { apiHost: '127.0.0.1', apiPort: 0, region: REGION },
  findKey: (id) => keys.get(id),
  throttle: createThrottle(unlimited),
  microvms,
  store,
  pageKey: Buffer.alloc(32, 1),
  endpointOf: (label) => `${label}.microvm.localhost:7443`,
  log,
});
const { port } = await api.listen();

/** What the bare server answers; told by the parent once it has seen the API's answer. */
let answer: Bare = { headers: {}, body: '' };
const bare = createServer((_request, response) => {
  response.writeHead(200, answer.headers);
  response.end(answer.body);
});
await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));

process.on('message', (message: Bare) => {
  answer = message;
});
process.once('disconnect', () => {
  bare.close();
  bare.closeAllConnections();
  void api.close().then(() => {
    store.close();
    return rm(dataDir, { recursive: true, force: true });
  });
});
process.send?.({ apiPort: port, barePort: (bare.address() as AddressInfo).port } satisfies Ready);
