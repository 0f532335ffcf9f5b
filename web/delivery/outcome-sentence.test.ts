import { expect, test } from 'vitest';
import { at } from './delivery.fixture.ts';
import { outcomeSentence } from './outcome-sentence.ts';

const KINDS = ['completed', 'cancelled', 'rejected', 'returned', 'failed'] as const;

test('a customer reads one sentence without the fleet’s inside (D4)', () => {
  const reasons = [
    'drone-11: would arrive at 2026-11-28T11:31:32.071Z, after the deadline',
    'drone-1: is in flight',
  ];
  for (const kind of KINDS) {
    const sentence = outcomeSentence({ kind, reasons, at: at(1) }, false);
    expect(sentence).toMatch(/^[A-Z].*\.$/);
    expect(sentence).not.toMatch(/drone-\d|\dT\d/);
  }
});

test('the service’s own sentence counts more, for customers', () => {
  const outcome = {
    kind: 'rejected' as const,
    code: 'over_quota' as const,
    reasons: ['The account has reached its quota.'],
    at: at(1),
  };
  expect(outcomeSentence(outcome, false)).toBe('The account has reached its quota.');
  expect(outcomeSentence({ ...outcome, reasons: ['over_quota: 7 of 7'] }, true)).toMatch(/^This delivery/);
});
