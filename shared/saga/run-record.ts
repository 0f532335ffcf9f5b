/** The activities that only write the saga's document. They never reject (S3). They are not steps and are not journaled. */
import { toAppError } from '../errors.ts';
import type { Log } from '../telemetry/log.ts';
import { activityOf, type Records, type Saga } from './define-saga.ts';
import type { Inbox } from './inbox.ts';
import type { StepInput } from './protocol.ts';
import { type Activity, failureOf } from './run-step.ts';
import type { SagaDocument } from './saga-document.ts';

/** What a record wrote. `state`: the saga's document after it; `unread`: nothing was written, and the inbox is to be read. */
export interface Recorded<R, State> {
  readonly value: R;
  readonly state?: State | 'unread';
}

export type RecordImplementations<S extends Saga, State> = {
  readonly [N in keyof Records<S>]: (
    input: StepInput,
    args: Records<S>[N]['args'],
  ) => Promise<Recorded<Records<S>[N]['result'], State>>;
};

export function createRecordActivities<S extends Saga, State extends SagaDocument>(
  saga: S,
  implementations: RecordImplementations<S, State>,
  { inbox, log }: { readonly inbox: Inbox<State>; readonly log: Log },
): Readonly<Record<string, Activity>> {
  type Implementation = (input: StepInput, args: unknown) => Promise<Recorded<unknown, State>>;
  const activities = Object.entries(implementations).map(([name, run]): [string, Activity] => [
    activityOf(saga, name),
    async (input) => {
      try {
        const { value, state } = await (run as Implementation)(input, input.args);
        const done = {
          ok: true,
          value: value ?? null,
          recorded: true,
          journaled: state !== 'unread',
        } as const;
        if (state === undefined) return { ...done, signals: [] };
        return { ...done, ...(await inbox.exchange(input, state === 'unread' ? undefined : state)) };
      } catch (thrown) {
        log.warn({ err: thrown, sagaId: input.id, activity: name }, 'an activity failed');
        return failureOf(toAppError(thrown));
      }
    },
  ]);
  return Object.fromEntries(activities);
}
