import { describe, expect, test } from 'vitest';
import { inSpan, traceId } from './trace.ts';
import { type TraceContext, traceContext } from './trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

/** What is sent on by work that came with `parent`. */
const sentOn = (parent: TraceContext) => inSpan('work', { parent }, async () => traceContext());

describe('X1: a valid trace context is continued', () => {
  test.each([
    ['sampled', `00-${TRACE}-${SPAN}-01`],
    ['with flags that are not known yet', `00-${TRACE}-${SPAN}-09`],
    ['of a later version, with more fields', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`],
  ])('%s', async (_, traceparent) => {
    const sent = await sentOn({ traceparent });
    expect(sent.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-`));
    expect(sent.traceparent?.slice(-1)).toBe(traceparent.slice(53, 55).slice(-1));
  });

  test('with its tracestate, in the order of its members', async () => {
    const tracestate = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE';
    expect(await sentOn({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate })).toMatchObject({ tracestate });
  });
});

describe('X1: one that W3C forbids begins a new trace', () => {
  test.each([
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['more after version 00', `00-${TRACE}-${SPAN}-01-more`],
    ['a letter after the flags', `00-${TRACE}-${SPAN}-01x`],
    ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['no trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['no span', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['too short', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['flags that are not hexadecimal', `00-${TRACE}-${SPAN}-0g`],
    ['nothing', ''],
  ])('%s', async (_, traceparent) => {
    const sent = await sentOn({ traceparent, tracestate: 'congo=t61rcWkgMzE' });
    expect(sent.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(sent.traceparent).not.toContain(TRACE);
    expect(sent.tracestate).toBeUndefined();
  });
});

test('X2: an unsampled trace stays unsampled', async () => {
  const { traceparent } = await sentOn({ traceparent: `00-${TRACE}-${SPAN}-00` });
  expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
});

test('outside a trace there is nothing to send on', () => {
  expect(traceContext()).toEqual({});
  expect(traceId()).toBeUndefined();
});
