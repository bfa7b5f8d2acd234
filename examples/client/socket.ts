/** A WebSocket to a MicroVM, as the AWS documentation has it: the token is a subprotocol. */
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { lookupOf } from '../quickstart/endpoint.js';
import type { Vm } from './example.js';

export async function connect(vm: Vm, path: string, kind: 'application' | 'shell' = 'application'): Promise<WebSocket> {
  const caFile = process.env['TARDIGRADE_CA_FILE'];
  const lookup = lookupOf(vm.endpoint.split(':')[0] ?? '');
  const socket = new WebSocket(`wss://${vm.endpoint}${path}`, ['lambda-microvms', `lambda-microvms.authentication.${await vm.token(kind)}`], {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }), ...(lookup === undefined ? {} : { lookup }),
  });
  await once(socket, 'open');
  return socket;
}
