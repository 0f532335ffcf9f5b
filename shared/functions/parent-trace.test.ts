import { expect, test } from 'vitest';
import { traceContextOf } from '../telemetry/trace-context.ts';
import { parentOf } from './parent-trace.ts';

const of = (digit: string, flags: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-${flags}`;
const host = (traceParent?: string, traceState = '') => ({ traceContext: { traceParent, traceState } });

test.each([
  ['a host that records', host(of('1', '01')), of('2', '01'), of('1', '01')],
  ['a host that records, without a caller’s', host(of('1', '01')), undefined, of('1', '01')],
  ['a host that does not record', host(of('1', '00')), of('2', '01'), of('2', '01')],
  ['a host that does not record, and an unsampled caller', host(of('1', '00')), of('2', '00'), of('2', '00')],
  ['a host that does not record, without a caller’s', host(of('1', '00')), undefined, undefined],
  ['no host’s', {}, of('2', '01'), of('2', '01')],
])('%s', (_, context, caller, expected) => {
  const given = caller === undefined ? {} : { traceparent: caller };
  expect(parentOf(context as never, given).traceparent).toBe(expected);
});

test('the caller’s tracestate stays where the host gives none', () => {
  const caller = { traceparent: of('2', '01'), tracestate: 'a=1' };
  expect(parentOf(host(of('1', '01')) as never, caller).tracestate).toBe('a=1');
  expect(parentOf(host(of('1', '01'), 'b=2') as never, caller).tracestate).toBe('b=2');
});

test('headers and properties of other types than text are none', () => {
  const properties: Record<string, unknown> = { traceparent: 7, tracestate: 'a=1' };
  expect(traceContextOf((name) => properties[name])).toEqual({});
});
