/**
 * The journal of a saga: its document, written before and after every step.
 *
 * J1 A step's intent is in the journal before it runs, so an effect of unknown outcome is compensated, too.
 * J2 A call of an older generation, or for a saga that has ended, has no effect; nor has a step that would have to be
 *    compensated, or a pivot, once the compensation has begun. Such a call fails with `superseded`.
 * J3 A compensation succeeds when there is nothing to compensate.
 * J4 A step that runs once is answered from the journal when it is called again: by a repetition of its activity, or by an
 *    orchestration that begins again with an empty memory. It does not run again after its compensation either.
 * J5 Of two outcomes, the one written first counts.
 * J6 A step that succeeds clears the last error.
 */
import type { PatchOperation } from '@azure/cosmos';
import type { Store } from '../cosmos/store.ts';
import { unlessConflict } from '../cosmos/write-conflict.ts';
import { AppError } from '../errors.ts';
import { factsOf, pivots, type Saga, type StepFacts, timeoutOf } from './define-saga.ts';
import type { StepInput } from './protocol.ts';
import type { Effect, SagaDocument } from './saga-document.ts';

export type StepKind = 'run' | 'compensate';

/** The answer of `begin`. `done`: the step has already run, with this value. `superseded`: it may not run. */
export type Begun<State> =
  | { readonly kind: 'begun'; readonly state: State }
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'superseded' };

export interface Journal<State extends SagaDocument> {
  find(id: string): Promise<State | undefined>;
  /** Writes the intent, unless J2 or J4 forbid it. */
  begin(input: StepInput, step: string, kind: StepKind): Promise<Begun<State>>;
  /** @throws AppError `superseded` when the result no longer counts (J2) */
  done(input: StepInput, step: string, kind: StepKind, value: unknown): Promise<void>;
  failed(input: StepInput, step: string, kind: StepKind, error: AppError): Promise<void>;
  /** Sets fields of the document. @throws AppError `superseded` (J2) */
  set(input: Pick<StepInput, 'id' | 'generation'>, fields: Partial<State>): Promise<void>;
  /** Writes the outcome of the saga, before anything is compensated (J5). @throws AppError `superseded` when it has ended */
  beginCompensation(id: string, outcome: State['pendingOutcome']): Promise<State>;
  /** The same, together with other operations. When the pivot may have passed, nothing is written and the answer is undefined. */
  beginCompensationBeforePivot(
    id: string,
    outcome: State['pendingOutcome'],
    more: readonly PatchOperation[],
  ): Promise<State | undefined>;
}

export interface JournalOptions<State extends SagaDocument> {
  readonly store: Store<State>;
  /** Id of the saga's document within its partition. */
  readonly documentId: string;
  readonly now: () => Date;
}

/** A saga that has not moved for this long after a step's time-out is overdue; pauses between attempts are shorter. */
export const STEP_SLACK_SECONDS = 120;

export function createJournal<State extends SagaDocument>(
  saga: Saga,
  { store, documentId, now }: JournalOptions<State>,
): Journal<State> {
  const find = async (id: string): Promise<State | undefined> => (await store.read(documentId, id))?.item;
  const patchIf = createConditionalPatch({ store, documentId, now });
  const effect = ({ generation }: StepInput, status: Effect['status'], value?: unknown): Effect => ({
    status,
    generation,
    at: now().toISOString(),
    ...(value === undefined ? {} : { value }),
  });

  return {
    find,
    begin: async (input, step, kind) => {
      const seconds = timeoutOf(saga, step) + STEP_SLACK_SECONDS;
      const intent = kind === 'run' ? [set(`/effects/${step}`, effect(input, 'intended'))] : [];
      const operations = [
        ...intent,
        set('/state', kind === 'run' ? 'Processing' : 'Compensating'),
        set('/step', kind === 'run' ? step : `compensate ${step}`),
        set('/attempts', input.attempt),
        set('/completeBy', new Date(now().getTime() + seconds * 1000).toISOString()),
      ];
      const facts = factsOf(saga, step);
      const state = await patchIf(input.id, operations, mayBegin(input, step, facts, kind));
      if (state) return { kind: 'begun', state };
      const current = await find(input.id);
      const earlier = current && earlierEffect(current, input, step, facts, kind);
      return earlier ? { kind: 'done', value: earlier.value } : { kind: 'superseded' };
    },
    done: async (input, step, kind, value) => {
      const status = kind === 'run' ? 'done' : 'compensated';
      const cleared = kind === 'run' ? [set('/lastError', null)] : [];
      const operations = [set(`/effects/${step}`, effect(input, status, value)), ...cleared];
      if (!(await patchIf(input.id, operations, stillCounts(input)))) throw superseded(input);
    },
    failed: async (input, step, kind, error) => {
      const stuck = kind === 'run' ? [] : [set(`/effects/${step}`, effect(input, 'compensationFailed'))];
      const final = error.retryable ? [] : [set('/state', kind === 'run' ? 'Error' : 'CompensationFailed')];
      const lastError = `${step}: ${error.code}: ${error.message}`.slice(0, 1000);
      await patchIf(input.id, [...stuck, set('/lastError', lastError), ...final], stillCounts(input));
    },
    set: async (input, fields) => {
      const operations = Object.entries(fields).map(([name, value]) => set(`/${name}`, value));
      if (!(await patchIf(input.id, operations, stillCounts(input)))) throw superseded(input);
    },
    beginCompensation: async (id, outcome) => {
      const operations = beginningOf(outcome);
      return (await patchIf(id, operations, UNDECIDED)) ?? decided(await find(id));
    },
    beginCompensationBeforePivot: async (id, outcome, more) => {
      const passed = pivots(saga).map((name) => `IS_DEFINED(c.effects.${name})`);
      const condition = `${UNDECIDED} AND NOT (${passed.join(' OR ') || 'false'})`;
      const begun = await patchIf(id, [...beginningOf(outcome), ...more], condition);
      if (begun) return begun;
      const current = await find(id);
      return current && !current.outcome && !current.pendingOutcome ? undefined : decided(current);
    },
  };
}

/** J5 */
const UNDECIDED = 'NOT IS_DEFINED(c.pendingOutcome) AND NOT IS_DEFINED(c.outcome)';

function beginningOf(outcome: unknown): PatchOperation[] {
  return [set('/pendingOutcome', outcome), set('/state', 'Compensating')];
}

function decided<State extends SagaDocument>(current: State | undefined): State {
  if (current?.pendingOutcome !== undefined && current.outcome === undefined) return current;
  throw new AppError('superseded', 'this saga has ended');
}

/** Undefined when the condition did not hold, or there is no document. */
function createConditionalPatch<State extends SagaDocument>(options: JournalOptions<State>) {
  const { store, documentId, now } = options;
  return async (id: string, operations: readonly PatchOperation[], condition: string) => {
    const all = [...operations, set('/updatedAt', now().toISOString())];
    const patch = () => store.patch(documentId, id, all, { condition: `FROM c WHERE ${condition}` });
    return (await unlessConflict(patch, 'changed'))?.item;
  };
}

/** J2: no newer generation, no outcome. A condition on the document. */
function stillCounts({ generation }: Pick<StepInput, 'generation'>): string {
  return `c.generation <= ${generation} AND NOT IS_DEFINED(c.outcome)`;
}

/** J2 and J4, as a condition on the document. */
function mayBegin(input: StepInput, step: string, facts: StepFacts, kind: StepKind): string {
  const conditions = [stillCounts(input)];
  if (kind === 'run' && (facts.compensated || facts.pivot))
    conditions.push('NOT IS_DEFINED(c.pendingOutcome)');
  if (kind === 'run' && facts.once) {
    const effect = `c.effects.${step}`;
    const earlier = facts.once === 'saga' ? '' : ` OR ${effect}.generation != ${input.generation}`;
    conditions.push(`(NOT IS_DEFINED(${effect}) OR ${effect}.status = 'intended'${earlier})`);
  }
  return conditions.join(' AND ');
}

/** J4: the effect that answers a call whose step has already run; undefined: the call is superseded. */
function earlierEffect(
  state: SagaDocument,
  input: StepInput,
  step: string,
  facts: StepFacts,
  kind: StepKind,
): Effect | undefined {
  const over = state.outcome !== undefined || state.generation > input.generation;
  const compensating = (facts.compensated || facts.pivot) && state.pendingOutcome !== undefined;
  return kind === 'compensate' || over || compensating ? undefined : state.effects[step];
}

function set(path: string, value: unknown): PatchOperation {
  return { op: 'set', path, value };
}

export function superseded({ generation }: Pick<StepInput, 'generation'>): AppError {
  return new AppError('superseded', `generation ${generation} is over`);
}
