/** Compensation: every effect is undone, in reverse order; what cannot be undone becomes work, and is tried on. */
import type { Story } from '../../shared/saga/saga.ts';
import type { Ending } from './domain.ts';
import type { Tale } from './tale.ts';

/** Between two rounds over what could not be undone, s; a nudge (an operator's retry) comes sooner. */
const ROUND_SECONDS = 60;

export function* undoAndEnd(tale: Tale, ending: Ending): Story<void> {
  const { undo, created } = yield* tale.step<{ undo: readonly string[]; created: boolean }>('effects');
  let left = yield* undoRound(tale, undo.toReversed());
  for (const step of left) {
    const detail = `${step} could not be undone`;
    yield* tale.step('tellOperator', { kind: 'CompensationFailed', step, detail });
  }
  while (left.length > 0) {
    yield* tale.step('note', { state: 'CompensationFailed' });
    yield* tale.next(tale.after(ROUND_SECONDS));
    left = yield* undoRound(tale, left);
  }
  if (created) yield* tale.step('archive', ending);
  yield* tale.finish(ending);
}

/** One stuck effect does not keep the others. */
function* undoRound(tale: Tale, steps: readonly string[]): Story<string[]> {
  const left: string[] = [];
  for (const step of steps) {
    if (!(yield* tale.undo(step))) left.push(step);
  }
  return left;
}
