/** What the processes of the API benchmark tell each other. */
export const REGION = 'us-east-1';
export const ACCOUNT = '123456789012';
export const KEY = { accessKeyId: 'TDGKBENCHBENCHBENCHB', secretAccessKey: 'bench-secret-bench-secret-bench-secret-1' };
export const IMAGE = `arn:aws:lambda:${REGION}:${ACCOUNT}:microvm-image:bench`;
export const RECORDS = 10_000;

export function microvmId(i: number): string {
  return `microvm-00000000-0000-4000-8000-${i.toString(16).padStart(12, '0')}`;
}

/** Server to parent. */
export interface Ready {
  readonly apiPort: number;
  readonly barePort: number;
}

/** Parent to server: the answer of the bare server. */
export interface Bare {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Parent to generator. */
export interface Load {
  readonly port: number;
  /** With its query. */
  readonly path: string;
  readonly connections: number;
  readonly ms: number;
}

/** Generator to parent. */
export interface Result {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU the generator used, of one core: near 1 it, not the server, would be the limit. */
  readonly cpu: number;
}
