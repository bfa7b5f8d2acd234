/** What an operation is: name, route, input schema, work. Each file in `operations/` defines one, or a small family. */
import type { z } from 'zod';
import type { ConnectorService } from '../connectors/contracts.js';
import type { EventFeed } from '../events/contracts.js';
import type { GarbageCollector } from '../gc/contracts.js';
import type { ImageService, Principal } from '../images/contracts.js';
import type { MicrovmService } from '../microvms/contracts.js';
import type { TagService } from '../tags/contracts.js';
import type { UsageReports, UsageSamples } from '../usage/contracts.js';
import type { TokenIssuer } from './contracts.js';
import type { IdempotencyStore } from './idempotency.js';
import type { Pager } from './paging.js';
import { firstValues, type RequestHead } from './sigv4/request-head.js';
import { parseInput } from './validation.js';

export interface Services {
  readonly images: ImageService;
  readonly connectors: ConnectorService;
  readonly tags: TagService;
  readonly microvms: MicrovmService;
  readonly tokens: TokenIssuer;
  readonly usage: UsageReports;
  readonly events: EventFeed;
  readonly samples: UsageSamples;
  readonly garbage: GarbageCollector;
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
  /** Query parameters that may be repeated: each is a list in the input. */
  readonly queryLists?: readonly string[];
  /** Headers that are input members: lower-case name → member. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `raw` holds labels, query and body in one object. Throws SerializationError, ValidationError. */
  prepare(raw: Readonly<Record<string, unknown>>): Prepared;
}

/** A request whose shape is right; whether the caller may make it is decided between this and `run`. */
export interface Prepared {
  readonly input: unknown;
  /** Resolves to the response body, or to {@link ServerSentEvents}. Throws RequestError. */
  run(call: Call): Promise<unknown>;
}

export interface OperationDefinition<S extends z.ZodType> extends Omit<Operation, 'prepare' | 'body'> {
  readonly body?: boolean;
  readonly input: S;
  readonly run: (call: Call, input: z.output<S>) => unknown;
}

/** Input members of the query: of a name given twice the first value, unless it is a list. */
export function queryMembers({ queryLists = [] }: Pick<Operation, 'queryLists'>, query: RequestHead['query']): Readonly<Record<string, unknown>> {
  const lists = queryLists
    .map((name): [string, string[]] => [name, query.filter(([given]) => given === name).map(([, value]) => value)])
    .filter(([, values]) => values.length > 0);
  return Object.fromEntries<unknown>([...firstValues(query), ...lists]);
}

export function headerMembers({ headers = {} }: Pick<Operation, 'headers'>, sent: RequestHead['headers']): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(headers).flatMap(([name, member]) => (sent.has(name) ? [[member, sent.get(name)]] : [])));
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
