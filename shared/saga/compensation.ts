/**
 * Compensates effects in the reverse order of the table.
 *
 * C1 An effect that cannot be compensated does not keep the others from being compensated.
 * C2 It becomes a work item for an operator, once, and is tried again in every round until it succeeds; a wake (the
 *    operator's retry) begins a round at once. The saga does not end before that.
 */
import type { CompensatedStep, OutcomeOf, Saga, SagaNote } from './define-saga.ts';
import type { Orchestration } from './protocol.ts';
import type { SagaContext } from './saga-context.ts';

const STUCK: SagaNote = { state: 'CompensationFailed' };

/** Compensates every effect of the saga. Answers the outcome that was written first. */
export function* compensateAll<S extends Saga>(
  saga: SagaContext<S>,
  requested: OutcomeOf<S>,
): Orchestration<OutcomeOf<S>> {
  const { steps, outcome } = yield* saga.record('beginCompensation', requested);
  yield* compensateSteps(saga, steps.toReversed());
  return outcome;
}

/** Compensates these steps, in this order. */
export function* compensateSteps<S extends Saga>(
  saga: SagaContext<S>,
  steps: readonly CompensatedStep<S>[],
): Orchestration<void> {
  let left = yield* compensateRound(saga, steps);
  for (const step of left) {
    yield* saga.alert({ kind: 'CompensationFailed', step, detail: `${step} could not be compensated` });
  }
  while (left.length > 0) {
    yield* saga.record('note', STUCK);
    yield* saga.pause();
    left = yield* compensateRound(saga, left);
  }
}

function* compensateRound<S extends Saga>(
  saga: SagaContext<S>,
  steps: readonly CompensatedStep<S>[],
): Orchestration<CompensatedStep<S>[]> {
  const left: CompensatedStep<S>[] = [];
  for (const step of steps) {
    if (!(yield* saga.compensate(step))) left.push(step);
  }
  return left;
}
