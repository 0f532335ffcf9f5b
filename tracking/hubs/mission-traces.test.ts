import { expect, test } from 'vitest';
import { createMissionTraces } from './mission-traces.ts';

const command = (traceparent: unknown) => ({ properties: { traceparent } });

test('a mission keeps the trace of its first command', () => {
  const traces = createMissionTraces();
  traces.remember('m1', command('first'));
  traces.remember('m1', command('second'));
  expect(traces.of('m1')).toEqual({ traceparent: 'first' });
});

test('a mission without a trace has none', () => {
  const traces = createMissionTraces();
  traces.remember('m1', command(undefined));
  expect([traces.of('m1'), traces.of('m2'), traces.of(undefined)]).toEqual([null, null, null]);
});

test('the oldest is forgotten when there are too many', () => {
  const traces = createMissionTraces(2);
  for (const id of ['m1', 'm2', 'm3']) traces.remember(id, command(id));
  expect(['m1', 'm2', 'm3'].map((id) => traces.of(id)?.traceparent)).toEqual([undefined, 'm2', 'm3']);
});
