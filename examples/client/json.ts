/** JSON to and from an application in a MicroVM. */
import type { Vm } from './example.js';

/** POSTs when there is a body, else GETs; throws for anything but 200. */
export async function json<T>(vm: Vm, path: string, body?: object): Promise<T> {
  const answer = await vm.http.send(path, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  if (answer.status !== 200) throw new Error(`${path}: HTTP ${answer.status} ${answer.body}`);
  return JSON.parse(answer.body) as T;
}
