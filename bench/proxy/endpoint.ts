/** The endpoint in a process of its own, with a gateway whose only MicroVM is a port of this host. Told by its parent. */
import { connect } from 'node:net';
import { createCertificates } from '../../src/endpoint/certificates.js';
import { createEndpointServer } from '../../src/endpoint/server.js';
import { createTokenService } from '../../src/endpoint/tokens.js';
import type { MicrovmGateway } from '../../src/microvms/contracts.js';
import type { MicrovmRecord } from '../../src/store/contracts.js';
import { LABEL, VM_ID, type Ready } from './protocol.js';

const [dataDir = '', upstream = ''] = process.argv.slice(2);

const record: MicrovmRecord = {
  id: VM_ID, accountId: '000000000000', endpointLabel: LABEL, state: 'RUNNING', imageArn: 'arn:aws:lambda:us-east-1:000000000000:microvm-image:bench', imageVersion: '1.0',
  maximumDurationInSeconds: 28_800, ingressNetworkConnectors: [], egressNetworkConnectors: [], startedAt: 0, startedSteady: 0, resumeOnStart: false,
};

const gateway: MicrovmGateway = {
  find: (label) => (label === LABEL ? record : undefined),
  isRunning: () => true,
  touch: () => undefined,
  answered: () => undefined,
  connect: () => new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(upstream), noDelay: true });
    socket.once('connect', () => resolve(socket)).once('error', reject);
  }),
  openSession: () => Promise.reject(new Error('not asked for')),
};

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: console.error };
const clock = { now: Date.now };
const certificates = await createCertificates({ config: { dataDir, domain: 'localhost' }, log, clock });
const tokens = await createTokenService({ dataDir, clock });
const server = createEndpointServer({ config: { endpointHost: '127.0.0.1', endpointPort: 0, domain: 'localhost' }, certificates, tokens, gateway, log });
const { port } = await server.listen();
const token = await tokens.issueAppToken({ microvmId: VM_ID, allowedPorts: [{ allPorts: {} }], expiresInMinutes: 60 });
process.send?.({ port, token } satisfies Ready);
process.once('disconnect', () => process.exit());
