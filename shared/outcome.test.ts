import { expect, test } from 'vitest';
import {
  customerOutcome,
  OUTCOME_SENTENCES,
  type OutcomeCode,
  type OutcomeKind,
  operatorOutcome,
} from './outcome.ts';

const at = '2026-11-23T12:00:00.000Z';
const secret = ['drone-7: needs 45 Wh, has 12', 'van: no van is free'];

test.each(Object.entries(OUTCOME_SENTENCES) as [OutcomeCode, string][])(
  'customers read a sentence in place of the reasons: %s',
  (code, sentence) => {
    const shown = customerOutcome({ kind: 'failed', code, reasons: secret, at });
    expect(shown).toEqual({ kind: 'failed', code, sentence, reasons: [sentence], at });
    expect(sentence).toMatch(/^[A-Z].*\.$/);
  },
);

test.each<[OutcomeKind, OutcomeCode]>([
  ['completed', 'delivered'],
  ['cancelled', 'cancelled_by_customer'],
  ['rejected', 'not_carried_out'],
  ['returned', 'returned_to_sender'],
  ['failed', 'not_carried_out'],
])('an outcome of an earlier version has the code of its kind: %s', (kind, code) => {
  const shown = customerOutcome({ kind, reasons: secret, at });
  expect(shown.code).toBe(code);
  expect(shown.reasons.join()).not.toMatch(/drone-7|van/);
});

test('operators read every reason beside the customer’s sentence', () => {
  expect(operatorOutcome({ kind: 'rejected', code: 'over_quota', reasons: secret, at })).toEqual({
    kind: 'rejected',
    code: 'over_quota',
    sentence: OUTCOME_SENTENCES.over_quota,
    reasons: secret,
    at,
  });
});

test('a delivered parcel needs no reason', () => {
  expect(customerOutcome({ kind: 'completed', reasons: [], at }).reasons).toEqual([]);
});
