/** The activities that only write the saga's document. They never reject (S3). They are not steps and are not journaled. */
import { toAppError } from '../errors.ts';
import type { Log } from '../telemetry/log.ts';
import { activityOf, type Records, type Saga } from './define-saga.ts';
import type { Inbox } from './inbox.ts';
import type { StepInput } from './protocol.ts';
import { type Activity, failureOf } from './run-step.ts';

export type RecordImplementations<S extends Saga> = {
  readonly [N in keyof Records<S>]: (
    input: Pick<StepInput, 'id' | 'generation'>,
    args: Records<S>[N]['args'],
  ) => Promise<Records<S>[N]['result']>;
};

export function createRecordActivities<S extends Saga>(
  saga: S,
  implementations: RecordImplementations<S>,
  { inbox, log }: { readonly inbox: Inbox; readonly log: Log },
): Readonly<Record<string, Activity>> {
  const activities = Object.entries(implementations).map(([name, run]): [string, Activity] => [
    activityOf(saga, name),
    async (input) => {
      try {
        const value = await (run as (input: StepInput, args: unknown) => Promise<unknown>)(input, input.args);
        return { ok: true, value: value ?? null, signals: await inbox.exchange(input) };
      } catch (thrown) {
        log.warn({ err: thrown, sagaId: input.id, activity: name }, 'an activity failed');
        return failureOf(toAppError(thrown));
      }
    },
  ]);
  return Object.fromEntries(activities);
}
