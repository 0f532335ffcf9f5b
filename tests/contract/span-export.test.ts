/** Spans reach the receivers that the settings name, and none is recorded without one. */

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import type { TokenCredential } from '@azure/identity';
import { openAuthority } from 'azure-local/certificates';
import { expect, test } from 'vitest';
import { exportSpans, type SpanReceivers } from '../../shared/telemetry/export-spans.ts';
import { inSpan } from '../../shared/telemetry/trace.ts';
import { traceContext } from '../../shared/telemetry/trace-context.ts';
import { startCollector } from '../harness/collector.ts';

const credential: TokenCredential = {
  getToken: async () => ({ token: 'token-of-the-identity', expiresOnTimestamp: Date.now() + 3_600_000 }),
};

/** The traceparent inside of a span that was made while the receivers were served. */
async function spanWith(receivers: SpanReceivers): Promise<string | undefined> {
  await using _ = await exportSpans('test', receivers, () => credential);
  return await inSpan('GET /api/drones', { parent: null }, async () => traceContext().traceparent);
}

test('a collector gets them as OTLP', async () => {
  await using collector = await startCollector();
  const traceparent = await spanWith({ OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.origin}/` });
  expect(collector.spans).toMatchObject([{ name: 'GET /api/drones', process: 'test' }]);
  expect(traceparent).toBe(`00-${collector.spans[0]?.traceId}-${collector.spans[0]?.spanId}-01`);
});

test('Application Insights gets them with the token of the identity', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spans-'));
  const authority = openAuthority(folder);
  const trusted = getCACertificates();
  setDefaultCACertificates([...trusted, authority.certificate]);
  const received: { authorization: string | undefined; body: string }[] = [];
  const server = createServer(authority.issue(), (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
      received.push({ authorization: request.headers.authorization, body });
      response.setHeader('content-type', 'application/json');
      response.end('{"itemsReceived":1,"itemsAccepted":1,"errors":[]}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const origin = `https://localhost:${(server.address() as AddressInfo).port}/`;
    const APPLICATIONINSIGHTS_CONNECTION_STRING = `InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=${origin};LiveEndpoint=${origin}`;
    const traceparent = await spanWith({ APPLICATIONINSIGHTS_CONNECTION_STRING });
    const request = received.find(({ body }) => body.includes('GET /api/drones'));
    expect(request?.authorization).toBe('Bearer token-of-the-identity');
    expect(request?.body).toContain(traceparent?.split('-')[1]);
  } finally {
    server.closeAllConnections();
    server.close();
    setDefaultCACertificates(trusted);
    rmSync(folder, { recursive: true });
  }
});

test('without a receiver none is recorded', async () => {
  expect(await spanWith({})).toMatch(/-00$/);
});
