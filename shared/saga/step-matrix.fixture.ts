/** What a call of a step leads to, by situation: computed from the step's facts. The documentation prints it, a test plays it. */
import type { StepFacts } from './define-saga.ts';

export const SITUATIONS = [
  'is called again',
  'lost its answer, is called again',
  'is called after its compensation',
  'begins after the compensation began',
  'is called by an older generation',
  'is called after the end',
] as const;
export type Situation = (typeof SITUATIONS)[number];
export type Consequence = 'runs' | 'is answered from the journal' | 'is superseded';

export function consequenceOf(facts: StepFacts, situation: Situation): Consequence | undefined {
  switch (situation) {
    case 'is called again':
      return facts.once ? 'is answered from the journal' : 'runs';
    case 'lost its answer, is called again':
      return 'runs';
    case 'is called after its compensation':
      return facts.compensated && 'is answered from the journal';
    case 'begins after the compensation began':
      return facts.compensated || facts.pivot ? 'is superseded' : 'runs';
    case 'is called by an older generation':
    case 'is called after the end':
      return 'is superseded';
  }
}
