/** A service of bytes: all four kinds of calls, without a schema. */
import { makeGenericClientConstructor, type ServiceClientConstructor, type ServiceDefinition } from '@grpc/grpc-js';

const same = (value: Buffer): Buffer => value;

function method(name: string, requestStream: boolean, responseStream: boolean): ServiceDefinition[string] {
  return { path: `/tardigrade.Echo/${name}`, requestStream, responseStream, requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
}

export const echoService: ServiceDefinition = {
  unary: method('Unary', false, false),
  serverStream: method('ServerStream', false, true),
  clientStream: method('ClientStream', true, false),
  bidi: method('Bidi', true, true),
};

export const EchoClient: ServiceClientConstructor = makeGenericClientConstructor(echoService, 'Echo');
