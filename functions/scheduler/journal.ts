/** Pure rules of the saga's journal: what may begin, what has run, what an orchestration is told again. */
import type { Outcome } from '../../shared/contracts/requests.ts';
import type { StepInput } from '../../shared/saga/saga.ts';
import type { Step, StepKind } from '../../shared/saga/step.ts';
import type { Effect, InboxDocument, WorkflowDocument } from './schemas.ts';

type AnyStep = Pick<Step<WorkflowDocument>, 'name' | 'once' | 'undo'>;

/** No newer generation, no outcome: what is written now is still of use. A condition on the document. */
export function stillCounts({ generation }: StepInput): string {
  return `c.generation <= ${generation} AND NOT IS_DEFINED(c.outcome)`;
}

/** May this step begin? A condition on the document. */
export function mayBegin(input: StepInput, step: AnyStep, kind: StepKind): string {
  const conditions = [stillCounts(input)];
  if (kind === 'run' && step.undo) conditions.push('NOT IS_DEFINED(c.ending)');
  if (kind === 'run' && step.once) {
    const effect = `c.effects.${step.name}`;
    const ofAnother = step.once === 'saga' ? '' : ` OR ${effect}.generation != ${input.generation}`;
    conditions.push(`(NOT IS_DEFINED(${effect}) OR ${effect}.status != 'done'${ofAnother})`);
  }
  return conditions.join(' AND ');
}

/** The effect that answers a call that may not begin because it has been done; undefined: it is superseded. */
export function alreadyDone(
  state: WorkflowDocument,
  input: StepInput,
  step: AnyStep,
  kind: StepKind,
): Effect | undefined {
  const over = state.outcome !== undefined || state.generation > input.generation;
  if (kind === 'undo' || over || (step.undo && state.ending)) return undefined;
  return state.effects[step.name];
}

/** Signals in the order they came; those of one millisecond in the order they happened. */
export function byArrival(a: InboxDocument, b: InboxDocument): number {
  return a.receivedAt - b.receivedAt || Date.parse(a.at) - Date.parse(b.at);
}

/**
 * An orchestration that begins anew hears everything again, and comes to the same place by it. Only wishes that were
 * granted or refused are not told twice: what they changed is in the document.
 */
export function toTellAgain(
  all: readonly InboxDocument[],
  state: WorkflowDocument | undefined,
): readonly InboxDocument[] {
  const lastReschedule = all.findLast(({ kind, handled }) => kind === 'reschedule' && handled);
  return all.filter((signal) => {
    if (!signal.handled) return true;
    if (signal.kind === 'cancel') return state?.cancel === 'requested';
    if (signal.kind === 'reschedule') return state?.reschedule === 'requested' && signal === lastReschedule;
    return true;
  });
}

/** Wishes that were open when it ended. */
export function settledWishes(
  { cancel, reschedule }: WorkflowDocument,
  outcome: Outcome,
): Pick<WorkflowDocument, 'cancel' | 'reschedule'> {
  const cancelled = outcome.kind === 'cancelled' ? ('cancelled' as const) : ('cancelRefused' as const);
  return {
    ...(cancel === 'requested' ? { cancel: cancelled } : {}),
    ...(reschedule === 'requested' ? { reschedule: 'rescheduleRefused' as const } : {}),
  };
}
