/** A collector: a real HTTP server that keeps what it is sent. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

interface Body {
  readonly resourceSpans: readonly { readonly resource: { readonly attributes: readonly unknown[] }; readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[] }[];
}

export class Collector {
  readonly bodies: Body[] = [];
  readonly requests: string[] = [];
  /** What it answers; 'hang': nothing. */
  answer: number | 'hang' = 200;
  readonly server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      this.requests.push(`${request.method ?? ''} ${request.url ?? ''} ${request.headers['content-type'] ?? ''}`);
      if (this.answer === 'hang') return;
      if (this.answer === 200) this.bodies.push(JSON.parse(text) as Body);
      response.writeHead(this.answer).end('{}');
    });
  });

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get spans(): ReceivedSpan[] {
    return this.bodies.flatMap(({ resourceSpans }) => resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => [...spans])));
  }
}
