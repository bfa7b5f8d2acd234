/** Requests as spans: through the real server, with the SDK and its middleware as the client of a trace. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GetMicrovmCommand, ListMicrovmsCommand } from '@aws-sdk/client-lambda-microvms';
import type { FinishedSpan } from '../../src/traces/contracts.js';
import { createTracer } from '../../src/traces/tracer.js';
import { accountId, startHarness } from './harness.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

test('each request is a span under its client’s, with the id that its client has', async () => {
  const spans: FinishedSpan[] = [];
  const api = await startHarness({ tracer: createTracer({ clock: { now: () => Date.now() }, export: (span) => spans.push(span) }) });
  try {
    const client = api.client();
    client.middlewareStack.add((next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['traceparent'] = `00-${TRACE}-00f067aa0ba902b7-01`;
      return next(args);
    }, { step: 'build' });
    const { $metadata } = await client.send(new ListMicrovmsCommand({}));
    const plain = api.client();
    await assert.rejects(plain.send(new GetMicrovmCommand({ microvmIdentifier: 'microvm-none' })), { name: 'ResourceNotFoundException' });
    await fetch(`${api.url}/health`);
    await api.close();
    const [listed, refused, ...others] = spans;
    assert.deepEqual(others, [], 'a health check is no span');
    assert.ok(listed !== undefined && refused !== undefined);
    assert.deepEqual([listed.name, listed.kind, listed.context.traceId, listed.parent?.spanId, listed.error], ['lambda ListMicrovms', 'server', TRACE, '00f067aa0ba902b7', undefined]);
    assert.deepEqual(listed.attributes, { 'http.request.method': 'GET', 'http.response.status_code': 200, 'aws.request_id': $metadata.requestId, 'tardigrade.account.id': accountId, 'error.type': undefined });
    assert.ok(listed.endedAt >= listed.startedAt);
    // The client's fault is none of the server's.
    assert.deepEqual([refused.name, refused.parent, refused.error, refused.attributes['error.type']], ['lambda GetMicrovm', undefined, undefined, 'ResourceNotFoundException']);
    assert.notEqual(refused.context.traceId, TRACE);
    assert.ok(api.log().includes(`"trace":"${TRACE}"`));
  } finally {
    await api.close();
  }
});
