/**
 * GetMicrovm with SigV4 verified, against a bare node:http server that answers the same bytes, in turn, in one run;
 * then the first and the last page of ListMicrovms over 10,000 records. Throttling is off.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { microvmId, RECORDS, type Bare, type Load, type Ready, type Result } from './api/protocol.js';
import { signedHeaders } from './api/sign.js';
import { row, summarise } from './statistics.js';

const ROUNDS = 7;
const ROUND_MS = 2000;
const WARM_UP_MS = 3000;
const CONNECTIONS = 16;
const PAGE = 50;
const WANTED_PER_SECOND = 3000;
const GET = `/2025-09-09/microvms/${microvmId(RECORDS / 2)}`;

export default async function run(): Promise<void> {
  const server = start('server');
  const generator = start('load');
  const [{ apiPort, barePort }] = (await once(server, 'message')) as [Ready];
  const load = (port: number, path: string, ms: number, connections = CONNECTIONS): Promise<Result> => ask(generator, { port, path, connections, ms });
  try {
    server.send(await answerOf(apiPort));
    await load(apiPort, GET, WARM_UP_MS);
    await load(barePort, GET, WARM_UP_MS);
    const [ours, bare] = await alternate(() => load(apiPort, GET, ROUND_MS), () => load(barePort, GET, ROUND_MS));
    report('GetMicrovm, signature verified', ours);
    report('bare node:http, the same bytes', bare);
    const ratios = summarise(ours.map((result, i) => result.perSecond / (bare[i]?.perSecond ?? Number.NaN)));
    console.log(row('ratio of rates, pair by pair', ratios, '', 2));

    const token = await lastPageToken(apiPort);
    const [first, last] = await alternate(
      () => load(apiPort, pageAfter(''), ROUND_MS / 2, 1),
      () => load(apiPort, pageAfter(token), ROUND_MS / 2, 1),
    );
    report(`ListMicrovms, page 1 of ${RECORDS / PAGE}`, first);
    report(`ListMicrovms, page ${RECORDS / PAGE}`, last);
    console.log(row('time of the last page / of the first', summarise(last.map((result, i) => result.p50Ms / (first[i]?.p50Ms ?? Number.NaN))), '', 2));

    const rate = summarise(ours.map((result) => result.perSecond)).median;
    console.log(`GetMicrovm ${Math.round(rate)}/s (at least ${WANTED_PER_SECOND}/s are promised)`);
    if (rate < WANTED_PER_SECOND) process.exitCode = 1;
  } finally {
    generator.disconnect();
    server.disconnect();
    for (const child of [server, generator]) if (child.exitCode === null) await once(child, 'exit');
  }
}

function start(name: string): ChildProcess {
  return fork(new URL(`api/${name}.ts`, import.meta.url), { execArgv: ['--import', 'tsx'] });
}

/** Rejects when the generator ends instead of answering. */
function ask(generator: ChildProcess, load: Load): Promise<Result> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error('the load generator ended early'));
    generator.once('exit', gone);
    generator.once('message', (result: Result) => {
      generator.off('exit', gone);
      resolve(result);
    });
    generator.send(load);
  });
}

/** A B B A A B …, so that neither side always comes after the other. */
async function alternate(a: () => Promise<Result>, b: () => Promise<Result>): Promise<[Result[], Result[]]> {
  const results: [Result[], Result[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 2 === 0) results[0].push(await a());
    results[1].push(await b());
    if (round % 2 === 1) results[0].push(await a());
  }
  return results;
}

function report(name: string, results: readonly Result[]): void {
  console.log(row(name, summarise(results.map((result) => result.perSecond)), '/s'));
  console.log(row('  p50', summarise(results.map((result) => result.p50Ms)), 'ms', 2));
  console.log(row('  p99', summarise(results.map((result) => result.p99Ms)), 'ms', 2));
  console.log(row('  generator, of one CPU', summarise(results.map((result) => result.cpu)), '', 2));
}

/** What the API answers, for the bare server to repeat. */
async function answerOf(port: number): Promise<Bare> {
  const { headers, body } = await get(port, GET);
  const { 'content-type': type = '', 'x-amzn-requestid': id = '' } = headers;
  return { headers: { 'x-amzn-requestid': String(id), 'content-type': type, 'content-length': String(Buffer.byteLength(body)) }, body };
}

/** Walks the list. */
async function lastPageToken(port: number): Promise<string> {
  let token = '';
  for (let i = 1; i < RECORDS / PAGE; i++) {
    const { body } = await get(port, pageAfter(token));
    token = (JSON.parse(body) as { nextToken: string }).nextToken;
  }
  return token;
}

function pageAfter(token: string): string {
  return `/2025-09-09/microvms?maxResults=${PAGE}${token === '' ? '' : `&nextToken=${token}`}`;
}

async function get(port: number, path: string): Promise<{ headers: IncomingHttpHeaders; body: string }> {
  const outgoing = request({ host: '127.0.0.1', port, path, headers: signedHeaders(port, path) }).end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${body}`);
  return { headers: response.headers, body };
}
