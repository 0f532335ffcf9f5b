/** Compensation: every effect is undone, in reverse order; what cannot be undone becomes work, and is tried on. */
import type { Story } from '../../shared/saga/saga.ts';
import type { Ending } from './domain.ts';
import type { Tale } from './tale.ts';

interface Effects {
  readonly undo: readonly string[];
  /** The first ending that was written down, whoever asks to end it now. */
  readonly ending: Ending;
}

/** For the orchestration that only undoes: the document names the ending before it is started. */
export function unknownEnding(now: Date): Ending {
  return { kind: 'failed', reasons: ['given up'], at: now.toISOString() };
}

export function* undoAndEnd(tale: Tale, wished: Ending): Story<void> {
  const { undo, ending } = yield* tale.step<Effects>('effects', wished);
  yield* undoAll(tale, undo.toReversed());
  yield* tale.step('archive', ending);
  yield* tale.finish(ending);
}

/** Round after round until nothing is left; an operator is told once, and a nudge (their retry) begins a round at once. */
export function* undoAll(tale: Tale, steps: readonly string[]): Story<void> {
  let left = yield* undoRound(tale, steps);
  for (const step of left) {
    const detail = `${step} could not be undone`;
    yield* tale.step('tellOperator', { kind: 'CompensationFailed', step, detail });
  }
  while (left.length > 0) {
    yield* tale.step('note', { state: 'CompensationFailed' });
    yield* tale.pause();
    left = yield* undoRound(tale, left);
  }
}

/** One stuck effect does not keep the others. */
function* undoRound(tale: Tale, steps: readonly string[]): Story<string[]> {
  const left: string[] = [];
  for (const step of steps) {
    if (!(yield* tale.undo(step))) left.push(step);
  }
  return left;
}
