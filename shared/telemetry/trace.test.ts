import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { describe, expect, test } from 'vitest';
import { AppError } from '../errors.ts';
import { recordSpans } from './span-recorder.ts';
import { inChildSpan, inSpan, traceId } from './trace.ts';
import { traceContext } from './trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

/** The spans of `work`, in the order in which they ended. */
async function recorded(work: () => Promise<unknown>): Promise<ReadableSpan[]> {
  const exporter = new InMemorySpanExporter();
  let spans: ReadableSpan[] = [];
  const keep = {
    export: exporter.export.bind(exporter),
    shutdown: async () => void (spans = exporter.getFinishedSpans()),
  };
  {
    await using _ = recordSpans('test', [keep]);
    await work().catch(() => undefined);
  }
  return spans;
}

describe('T1: a span belongs to the trace of its parent', () => {
  test('of a document, of the work under way, or to a new one', async () => {
    const spans = await recorded(() =>
      inSpan('outer', { parent: { traceparent: `00-${TRACE}-${SPAN}-01` } }, async () => {
        await inSpan('inner', { kind: 'client' }, async () => undefined);
        await inSpan('apart', { parent: null }, async () => undefined);
      }),
    );
    const [inner, apart, outer] = spans;
    expect(spans.map(({ name }) => name)).toEqual(['inner', 'apart', 'outer']);
    expect(outer?.parentSpanContext?.spanId).toBe(SPAN);
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    expect(inner?.kind).toBe(SpanKind.CLIENT);
    expect([inner, outer].map((span) => span?.spanContext().traceId)).toEqual([TRACE, TRACE]);
    expect(apart?.parentSpanContext).toBeUndefined();
    expect(apart?.spanContext().traceId).not.toBe(TRACE);
  });

  test('what is sent on names the span, so that the next service’s are below it', async () => {
    let sent = {};
    const [span] = await recorded(() =>
      inSpan('work', { parent: null }, async () => {
        sent = traceContext();
      }),
    );
    const { traceId: id, spanId } = span?.spanContext() ?? {};
    expect(sent).toEqual({ traceparent: `00-${id}-${spanId}-01` });
  });

  test('links name the traces of a batch; those that are not valid are left out', async () => {
    const links = [{ traceparent: `00-${TRACE}-${SPAN}-01` }, { traceparent: 'odd' }, {}];
    const [span] = await recorded(() => inSpan('batch', { parent: null, links }, async () => undefined));
    expect(span?.links.map(({ context }) => [context.traceId, context.spanId])).toEqual([[TRACE, SPAN]]);
  });

  test('an unsampled trace is not recorded, nor is what it calls', async () => {
    const parent = { traceparent: `00-${TRACE}-${SPAN}-00` };
    expect(
      await recorded(() => inSpan('work', { parent }, () => inSpan('inner', {}, async () => 1))),
    ).toEqual([]);
  });

  test('work that is a part of other work has no span outside a trace', async () => {
    expect(await recorded(() => inChildSpan('write', {}, async () => undefined))).toEqual([]);
  });
});

describe('T2: without a recorder', () => {
  test('work has a trace for its logs, which parts of it share', async () => {
    await inSpan('work', { parent: null }, async () => {
      const id = traceId();
      expect(id).toMatch(/^[0-9a-f]{32}$/);
      await inSpan('inner', {}, async () => expect(traceId()).toBe(id));
      expect(traceContext().traceparent).toMatch(new RegExp(`^00-${id}-[0-9a-f]{16}-00$`));
    });
  });

  test('results and errors are the work’s', async () => {
    expect(await inSpan('work', {}, async () => 7)).toBe(7);
    await expect(inSpan('work', {}, () => Promise.reject(new Error('odd')))).rejects.toThrow('odd');
  });
});

describe('T3: of an error a span says the code', () => {
  test.each([
    [
      'an error of ours',
      () => Promise.reject(new AppError('conflict', 'alice@example.com was there')),
      'conflict',
    ],
    ['another', () => Promise.reject(new TypeError('of alice@example.com')), 'TypeError'],
    ['none at all', () => Promise.reject('alice@example.com'), 'unknown'],
  ])('%s', async (_, work, type) => {
    const [span] = await recorded(() => inSpan('work', { parent: null }, work));
    expect(span?.attributes).toEqual({ 'error.type': type });
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(span?.events).toEqual([]);
  });

  test.each([
    [200, {}],
    [404, {}],
    [503, { 'error.type': '503' }],
  ])('status %i', async (status, more) => {
    const answered = { 'http.response.status_code': status };
    const [span] = await recorded(() => inSpan('work', { parent: null }, async (add) => add(answered)));
    expect(span?.attributes).toEqual({ ...answered, ...more });
  });
});
