import { expect, test } from 'vitest';
import { createLog } from '../telemetry/log.ts';
import { callMark, isRepetition, marked } from './idempotent-call.ts';
import type { Call } from './pipeline.ts';

const log = createLog({ name: 'test', level: 'silent' });
const call = (key: string | undefined, role: 'service' | 'customer' = 'service'): Call => ({
  principal: { subject: 'scheduler', roles: [role] },
  headers: { 'idempotency-key': key },
  log,
});

test('a repetition has the same key and the same body (K1)', () => {
  const mark = callMark(call('k1'), { a: 1 });
  expect(isRepetition(mark, callMark(call('k1'), { a: 1 }))).toBe(true);
  expect(isRepetition(mark, callMark(call('k2'), { a: 1 }))).toBe(false);
  expect(isRepetition(undefined, mark)).toBe(false);
  expect(isRepetition(mark, undefined)).toBe(false);
});

test('the same key with another body is refused (K2)', () => {
  const mark = callMark(call('k1'), { a: 1 });
  expect(() => isRepetition(mark, callMark(call('k1'), { a: 2 }))).toThrow(/another body/);
});

test('a call without a key, or of a customer, leaves no mark', () => {
  expect(marked(callMark(call(undefined), {}))).toEqual({});
  expect(marked(callMark(call('k1', 'customer'), {}))).toEqual({});
});
