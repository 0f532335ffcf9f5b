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
    const sentence = outcomeSentence({ kind, reasons, at: at(1) });
    expect(sentence).toMatch(/^[A-Z].*\.$/);
    expect(sentence).not.toMatch(/drone-\d|\dT\d/);
  }
});

test('a sentence of the service counts more', () => {
  const outcome = {
    kind: 'rejected' as const,
    reasons: ['x'],
    at: at(1),
    sentence: 'The deadline is too near.',
  };
  expect(outcomeSentence(outcome)).toBe('The deadline is too near.');
});
