/** A collector beside the system: what it receives of one delivery, and of others at the same time. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CollectedSpan, type Collector, startCollector } from '../harness/collector.ts';
import { type Customer, customer, REQUEST } from '../harness/customer.ts';
import { startPlatform, type TestPlatform, until } from '../harness/platform.ts';

/** Steps of a delivery that goes well, in their order. */
const STEPS = [
  'holdQuota',
  'upsertPackage',
  'reserveDrone',
  'createDelivery',
  'dispatchDrone',
  'pickUp',
  'moveStage',
  'settleQuota',
  'archive',
];

let collector: Collector;
let platform: TestPlatform;
let alice: Customer;

beforeAll(async () => {
  collector = await startCollector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin, OTEL_BSP_SCHEDULE_DELAY: '100' };
  platform = await startPlatform({ speed: 30, drones: 6, env });
  alice = customer(platform.endpoints);
});

afterAll(async () => {
  await platform?.stop();
  await collector?.[Symbol.asyncDispose]();
});

const ofTrace = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);
const named = (spans: readonly CollectedSpan[], name: string) => spans.find((span) => span.name === name);

test('one trace goes from the 202 through the hub, the steps of the saga and tracking to the end of the delivery', async () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const deliveryId = await alice.submit({}, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
  await alice.submit();
  expect((await alice.ended(deliveryId)).outcome?.kind).toBe('completed');
  const spans = await until(() => {
    const found = ofTrace(traceId);
    return STEPS.every((step) => named(found, `run ${step}`)) ? found : undefined;
  }, 'a span of each step');

  const request = named(spans, 'POST /api/deliveryrequests');
  expect(request).toMatchObject({
    process: 'functions',
    parentSpanId: '00f067aa0ba902b7',
    attributes: { 'http.response.status_code': 202, 'http.route': '/api/deliveryrequests' },
  });
  // From each step upward to the request of the customer.
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const wayUp = (span: CollectedSpan | undefined): string[] =>
    span ? [span.name, ...wayUp(byId.get(span.parentSpanId ?? ''))] : [];
  for (const step of STEPS) {
    expect(wayUp(named(spans, `run ${step}`))).toEqual([
      `run ${step}`,
      'process delivery-requests',
      'publish delivery-requests',
      'POST /api/deliveryrequests',
    ]);
  }
  expect(named(spans, 'flight events')).toMatchObject({ process: 'tracking' });
  expect(named(spans, 'process drone-events')).toMatchObject({ process: 'functions' });
  // Steps of this delivery alone.
  const sagas = new Set(spans.map(({ attributes }) => attributes['saga.id']).filter(Boolean));
  expect(sagas).toEqual(new Set([deliveryId]));
});

test('a batch links the traces of its messages', async () => {
  const batch = await until(() => named(collector.spans, 'receive delivery-requests'), 'a batch');
  expect(batch.attributes).toMatchObject({ 'messaging.destination.name': 'delivery-requests' });
  expect(batch.links.length).toBe(batch.attributes['messaging.batch.message_count']);
  const publishing = collector.spans.filter(({ name }) => name === 'publish delivery-requests');
  for (const link of batch.links) expect(publishing.map(({ spanId }) => spanId)).toContain(link.spanId);
});

test('an unsampled trace stays unsampled', async () => {
  const traceId = 'a'.repeat(32);
  const deliveryId = await alice.submit({}, { traceparent: `00-${traceId}-00f067aa0ba902b7-00` });
  expect((await alice.ended(deliveryId)).outcome?.kind).toBe('completed');
  expect(ofTrace(traceId)).toEqual([]);
  expect(collector.spans.filter(({ attributes }) => attributes['saga.id'] === deliveryId)).toEqual([]);
});

test('spans have no token, no person, no address and no path with ids', async () => {
  const text = collector.bodies.join('\n');
  const people = ['alice', 'contoso'];
  const places = [REQUEST.pickupLocation, REQUEST.dropOffLocation] as string[];
  for (const word of [
    ...Object.values(platform.endpoints.tokens),
    ...people,
    ...places,
    'Bearer',
    'ticket=',
  ]) {
    expect(text).not.toContain(word);
  }
  for (const { name, attributes } of collector.spans) {
    expect(name).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
    const { 'saga.id': _, ...others } = attributes;
    expect(JSON.stringify(others)).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
  }
});
