/** What an operation is: name, route, input schema, work. Each file in `operations/` defines one, or a small family. */
import type { z } from 'zod';
import type { ImageService, Principal } from '../images/contracts.js';
import type { MicrovmService } from '../microvms/contracts.js';
import type { TokenIssuer } from './contracts.js';
import type { IdempotencyStore } from './idempotency.js';
import type { Pager } from './paging.js';
import { parseInput } from './validation.js';

export interface Services {
  readonly images: ImageService;
  readonly microvms: MicrovmService;
  readonly tokens: TokenIssuer;
  readonly store: IdempotencyStore;
  readonly pager: Pager;
  /** Host (and port, unless 443) of the endpoint with that label; no scheme. */
  readonly endpointOf: (label: string) => string;
}

export interface Call extends Services {
  readonly who: Principal;
}

export interface Operation {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Segments in braces are labels: input members taken from the path. */
  readonly path: string;
  /** HTTP status of success. */
  readonly status: number;
  /** Does the input have members in a JSON body? Otherwise the body is not read. */
  readonly body: boolean;
  /** `raw` holds labels, query and body in one object. Throws SerializationError, ValidationError. */
  prepare(raw: Readonly<Record<string, unknown>>): Prepared;
}

/** A request whose shape is right; whether the caller may make it is decided between this and `run`. */
export interface Prepared {
  readonly input: unknown;
  /** Resolves to the response body. Throws RequestError. */
  run(call: Call): Promise<unknown>;
}

export interface OperationDefinition<S extends z.ZodType> extends Omit<Operation, 'prepare' | 'body'> {
  readonly body?: boolean;
  readonly input: S;
  readonly run: (call: Call, input: z.output<S>) => unknown;
}

export function defineOperation<S extends z.ZodType>(definition: OperationDefinition<S>): Operation {
  const { input, run, body = false, ...rest } = definition;
  return {
    ...rest,
    body,
    prepare(raw) {
      const parsed = parseInput(input, raw);
      return { input: parsed, run: async (call) => await run(call, parsed) };
    },
  };
}
