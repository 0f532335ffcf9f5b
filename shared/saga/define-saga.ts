/**
 * Defines the table of a saga. A step's entry is the only place for its properties: the orchestration, the activities, the
 * journal, the documentation and the tests read it.
 *
 * D1 A step's name, arguments and result are checked by the compiler, where it is called and where it is implemented.
 * D2 The order of the entries is the order of the steps; compensations run in the reverse order.
 */
declare const carried: unique symbol;

/** Carries a type in the table; it is empty at run time. */
export interface Type<T> {
  readonly [carried]?: T;
}

export function type<T>(): Type<T> {
  return {};
}

export interface StepFacts {
  /** One line for the documentation, beginning with a verb. */
  readonly does: string;
  /** Absent: the step takes no argument. */
  readonly args?: Type<unknown>;
  /** Absent: the step has no result. */
  readonly result?: Type<unknown>;
  /** How often it has an effect: once in the saga's life, or once in each generation. Absent: at every call. */
  readonly once?: 'saga' | 'generation';
  /** It has a compensation. */
  readonly compensated?: true;
  /** Nothing is compensated after it: from here on the saga only goes forward. */
  readonly pivot?: true;
  /** There is no way back from it: it is repeated until it succeeds, even after a terminal error. */
  readonly forwardOnly?: true;
  /** A retryable error is repeated without a limit. Implied by `forwardOnly`. */
  readonly untilDone?: true;
  /** It checks whether the saga may be carried out: its terminal error is a rejection, not a failure. */
  readonly gate?: true;
  /** Overrides the saga's time-out. After a time-out the outcome is unknown, and the step is repeated. */
  readonly timeoutSeconds?: number;
}

export interface Saga<Steps = Readonly<Record<string, StepFacts>>> {
  /** Prefix of the activities' names. */
  readonly prefix: string;
  readonly timeoutSeconds: number;
  /** How the saga ends. */
  readonly outcome: Type<unknown>;
  /** The input of a new generation. */
  readonly change: Type<unknown>;
  /** Fields of the saga's document that the orchestration sets. */
  readonly note: Type<unknown>;
  readonly steps: Steps;
}

export function defineSaga<const S extends Saga>(saga: S): S {
  return saga;
}

export type Carried<T> = T extends Type<infer U> ? U : never;
export type OutcomeOf<S extends Saga> = Carried<S['outcome']>;
export type ChangeOf<S extends Saga> = Carried<S['change']>;
export type NoteOf<S extends Saga> = Carried<S['note']>;

export type StepName<S extends Saga> = keyof S['steps'] & string;
export type CompensatedStep<S extends Saga> = {
  [N in StepName<S>]: S['steps'][N] extends { readonly compensated: true } ? N : never;
}[StepName<S>];

/** The argument list of a step: one argument or none. */
export type StepArgs<S extends Saga, N extends StepName<S>> = S['steps'][N] extends {
  readonly args: Type<infer A>;
}
  ? [args: A]
  : [];
export type ResultOf<S extends Saga, N extends StepName<S>> = S['steps'][N] extends {
  readonly result: Type<infer R>;
}
  ? R
  : void;

/** Activities that only write the saga's document. They are not steps: they are neither journaled nor compensated. */
export interface Records<S extends Saga> {
  /** Reads the inbox; with a time, also records when the wait should be over. */
  readonly inbox: { readonly args: { readonly completeBy: string | null }; readonly result: void };
  readonly note: { readonly args: NoteOf<S> | SagaNote; readonly result: void };
  /** Begins a new generation. */
  readonly replan: { readonly args: ChangeOf<S>; readonly result: void };
  readonly beginCompensation: { readonly args: OutcomeOf<S>; readonly result: CompensationPlan<S> };
  readonly finish: { readonly args: OutcomeOf<S>; readonly result: void };
}

/** Records that effects wait for an operator. */
export interface SagaNote {
  readonly state: 'CompensationFailed';
}

export interface CompensationPlan<S extends Saga> {
  /** In the order of the table. */
  readonly steps: readonly CompensatedStep<S>[];
  /** The outcome that was written first, even if another is asked for now. */
  readonly outcome: OutcomeOf<S>;
}

export const stepNames = <S extends Saga>(saga: S): readonly StepName<S>[] => Object.keys(saga.steps);

export const factsOf = (saga: Saga, name: string): StepFacts => {
  const facts = saga.steps[name];
  if (!facts) throw new Error(`the saga has no step ${name}`);
  return facts;
};

export const compensatedSteps = <S extends Saga>(saga: S): readonly CompensatedStep<S>[] =>
  stepNames(saga).filter((name) => factsOf(saga, name).compensated) as unknown as CompensatedStep<S>[];

export const pivots = (saga: Saga): readonly string[] =>
  stepNames(saga).filter((name) => factsOf(saga, name).pivot);

export const timeoutOf = (saga: Saga, name: string): number =>
  factsOf(saga, name).timeoutSeconds ?? saga.timeoutSeconds;

export const activityOf = (saga: Saga, name: string): string => `${saga.prefix}_${name}`;

/** The activity that runs several steps at the same time. */
export const togetherOf = (saga: Saga): string => `${saga.prefix}_together`;

/** The activity that compensates a step. */
export const compensationOf = (saga: Saga, name: string): string => `${saga.prefix}_${name}_compensate`;
