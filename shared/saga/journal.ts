/**
 * The journal of a saga: its document, written once by every activity. The write has the results of earlier steps, and the
 * intent of the next.
 *
 * J1 A step's intent is in the journal before it runs, so an effect of unknown outcome is compensated, too.
 * J2 A call of an older generation, or for a saga that has ended, has no effect; nor has a step that would have to be
 *    compensated, or a pivot, once the compensation has begun. Such a call fails with `superseded`.
 * J3 A compensation succeeds when there is nothing to compensate.
 * J4 A step that runs once is answered from the journal when it is called again: by a repetition of its activity, or by an
 *    orchestration that begins again with an empty memory. It does not run again after its compensation either.
 * J5 Of two outcomes, the one written first counts.
 * J6 A step that succeeds clears the last error.
 * J7 Until the next write, only the engine has a step's result. When that is lost, the step runs again, under the same
 *    idempotency key.
 */
import type { PatchOperation } from '@azure/cosmos';
import type { Store } from '../cosmos/store.ts';
import { unlessConflict } from '../cosmos/write-conflict.ts';
import { AppError } from '../errors.ts';
import { factsOf, pivots, type Saga, type StepFacts, timeoutOf } from './define-saga.ts';
import type { StepInput } from './protocol.ts';
import type { Effect, SagaDocument } from './saga-document.ts';

export type StepKind = 'run' | 'compensate';

/** What an activity tells the journal, beside its own work. */
export type Carrying = Pick<StepInput, 'id' | 'generation' | 'carried' | 'handled'>;

export type Begun<State> =
  | {
      readonly kind: 'begun';
      /** As it is now, carried results included. */
      readonly state: State;
      /** Steps that ran before, with their effects: they do not run. */
      readonly done: Readonly<Record<string, Effect>>;
    }
  | { readonly kind: 'superseded' };

export interface Journal<State extends SagaDocument> {
  find(id: string): Promise<State | undefined>;
  /** Writes what is carried, and the intents of the steps, unless J2 or J4 forbid them. */
  begin(input: StepInput, steps: readonly string[], kind: StepKind): Promise<Begun<State>>;
  /** What is carried, as operations on the document: for a write of the application's own. */
  carriedBy(input: Carrying): readonly PatchOperation[];
  failed(input: StepInput, step: string, kind: StepKind, error: AppError): Promise<void>;
  /** Sets fields of the document. @throws AppError `superseded` (J2) */
  set(input: Carrying, fields: Partial<State>): Promise<State>;
  /**
   * Writes how the saga ends, before anything is compensated (J5). What is carried is written in any case.
   * @throws AppError `superseded` when it has ended
   */
  beginCompensation(input: Carrying, outcome: State['pendingOutcome']): Promise<State>;
  /** The same, together with other operations. Undefined, and nothing is written, when the pivot may have passed. */
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
  const { effect, carriedBy, intentsOf } = createOperations(saga, now);
  /** Undefined when the condition did not hold; then nothing is written. */
  const intend = (input: StepInput, steps: readonly string[], kind: StepKind): Promise<State | undefined> => {
    const conditions = steps.flatMap((step) => mayBegin(input, step, factsOf(saga, step), kind));
    const operations = [...carriedBy(input), ...intentsOf(input, steps, kind)];
    return patchIf(input.id, operations, [stillCounts(input), ...conditions].join(' AND '));
  };
  const carry = async (input: Carrying): Promise<State | undefined> => {
    const operations = carriedBy(input);
    return operations.length > 0 ? patchIf(input.id, operations, stillCounts(input)) : find(input.id);
  };

  return {
    find,
    carriedBy,
    begin: async (input, steps, kind) => {
      // A step whose own result is carried is judged once that is written.
      const isCarried = input.carried.some(({ step }) => steps.includes(step));
      const begun = isCarried ? undefined : await intend(input, steps, kind);
      if (begun) return { kind: 'begun', state: begun, done: {} };
      const current = await carry(input);
      if (!current || isOver(current, input)) return { kind: 'superseded' };
      const done: Record<string, Effect> = {};
      for (const step of kind === 'run' ? steps : []) {
        const effect = earlierEffect(current, input, step, factsOf(saga, step));
        if (effect) done[step] = effect;
      }
      const rest = steps.filter((step) => !done[step]);
      const state =
        rest.length === 0 ? current : await intend({ ...input, carried: [], handled: [] }, rest, kind);
      return state ? { kind: 'begun', state, done } : { kind: 'superseded' };
    },
    failed: async (input, step, kind, error) => {
      const stuck =
        kind === 'run' ? [] : [set(`/effects/${step}`, effect('compensationFailed', input.generation))];
      const final = error.retryable ? [] : [set('/state', kind === 'run' ? 'Error' : 'CompensationFailed')];
      const lastError = `${step}: ${error.code}: ${error.message}`.slice(0, 1000);
      await patchIf(input.id, [...stuck, set('/lastError', lastError), ...final], stillCounts(input));
    },
    set: async (input, fields) => {
      const operations = Object.entries(fields).map(([name, value]) => set(`/${name}`, value));
      const state = await patchIf(input.id, [...carriedBy(input), ...operations], stillCounts(input));
      if (!state) throw superseded(input);
      return state;
    },
    beginCompensation: async (input, outcome) => {
      const operations = [...carriedBy(input), ...beginningOf(outcome)];
      return (await patchIf(input.id, operations, UNDECIDED)) ?? decided(await carry(input));
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

/** The changes of the document that the journal writes. */
function createOperations(saga: Saga, now: () => Date) {
  const effect = (status: Effect['status'], generation: number, value?: unknown): Effect => ({
    status,
    generation,
    at: now().toISOString(),
    ...(value === undefined || value === null ? {} : { value }),
  });
  const carriedBy = ({ carried, handled }: Carrying): PatchOperation[] => [
    ...carried.map(({ step, kind, generation, value }) =>
      set(`/effects/${step}`, effect(kind === 'run' ? 'done' : 'compensated', generation, value)),
    ),
    ...(carried.some(({ kind }) => kind === 'run') ? [set('/lastError', null)] : []),
    ...handled.map((eventId): PatchOperation => ({ op: 'add', path: '/handled/-', value: eventId })),
  ];
  const intentsOf = (input: StepInput, steps: readonly string[], kind: StepKind): PatchOperation[] => {
    const seconds = Math.max(...steps.map((step) => timeoutOf(saga, step))) + STEP_SLACK_SECONDS;
    const names = steps.join(', ');
    return [
      ...(kind === 'run'
        ? steps.map((step) => set(`/effects/${step}`, effect('intended', input.generation)))
        : []),
      set('/state', kind === 'run' ? 'Processing' : 'Compensating'),
      set('/step', kind === 'run' ? names : `compensate ${names}`),
      set('/attempts', input.attempt),
      set('/completeBy', new Date(now().getTime() + seconds * 1000).toISOString()),
    ];
  };
  return { effect, carriedBy, intentsOf };
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

/** The service takes no more in one request. https://learn.microsoft.com/azure/cosmos-db/partial-document-update-faq */
export const MAX_OPERATIONS = 10;

/** Undefined when the condition did not hold, or there is no document. What does not fit into one request comes in several. */
function createConditionalPatch<State extends SagaDocument>(options: JournalOptions<State>) {
  const { store, documentId, now } = options;
  return async (id: string, operations: readonly PatchOperation[], condition: string) => {
    const all = [...operations, set('/updatedAt', now().toISOString())];
    for (let rest = all; ; rest = rest.slice(MAX_OPERATIONS)) {
      const some = rest.slice(0, MAX_OPERATIONS);
      const patch = () => store.patch(documentId, id, some, { condition: `FROM c WHERE ${condition}` });
      const state = (await unlessConflict(patch, 'changed'))?.item;
      if (!state || rest.length <= MAX_OPERATIONS) return state;
    }
  };
}

/** J2: no newer generation, no outcome. A condition on the document. */
function stillCounts({ generation }: Pick<StepInput, 'generation'>): string {
  return `c.generation <= ${generation} AND NOT IS_DEFINED(c.outcome)`;
}

/** J2 */
function isOver(state: SagaDocument, { generation }: Pick<StepInput, 'generation'>): boolean {
  return state.outcome !== undefined || state.generation > generation;
}

/** J2 and J4 of one step, as conditions on the document. */
function mayBegin(input: StepInput, step: string, facts: StepFacts, kind: StepKind): string[] {
  const conditions: string[] = [];
  if (kind === 'run' && (facts.compensated || facts.pivot))
    conditions.push('NOT IS_DEFINED(c.pendingOutcome)');
  if (kind === 'run' && facts.once) {
    const effect = `c.effects.${step}`;
    const earlier = facts.once === 'saga' ? '' : ` OR ${effect}.generation != ${input.generation}`;
    conditions.push(`(NOT IS_DEFINED(${effect}) OR ${effect}.status = 'intended'${earlier})`);
  }
  return conditions;
}

/** J4: the effect that answers a step that is done. */
function earlierEffect(
  state: SagaDocument,
  { generation }: StepInput,
  step: string,
  facts: StepFacts,
): Effect | undefined {
  const isForbidden = (facts.compensated || facts.pivot) && state.pendingOutcome !== undefined;
  const effect = state.effects[step];
  if (isForbidden || !facts.once || !effect || effect.status === 'intended') return undefined;
  return facts.once === 'saga' || effect.generation === generation ? effect : undefined;
}

function set(path: string, value: unknown): PatchOperation {
  return { op: 'set', path, value };
}

export function superseded({ generation }: Pick<StepInput, 'generation'>): AppError {
  return new AppError('superseded', `generation ${generation} is over`);
}
