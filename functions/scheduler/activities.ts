/** The activities: every step and its undo, and beside them reading the inbox, noting, re-planning, ending. */
import type { AcceptedRequest, Outcome, Reschedule } from '../../shared/contracts/requests.ts';
import { AppError, toAppError } from '../../shared/errors.ts';
import type { StepInput, StepResult } from '../../shared/saga/saga.ts';
import { runStep, type StepKind } from '../../shared/saga/step.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import type { Change } from './flight-story.ts';
import type { WorkflowRepository } from './repository.ts';
import type { WorkflowDocument } from './schemas.ts';
import type { DeliveryStep } from './steps.ts';

export type Activity = (input: StepInput) => Promise<StepResult>;

export function createActivities(
  repository: WorkflowRepository,
  steps: readonly DeliveryStep[],
  log: Log,
): Readonly<Record<string, Activity>> {
  const answered =
    (work: (input: StepInput) => Promise<unknown>): Activity =>
    async (input) => {
      try {
        const value = await work(input);
        return { ok: true, value: value ?? null, signals: await repository.signals(input) };
      } catch (thrown) {
        const error = toAppError(thrown);
        log.warn({ err: thrown, deliveryId: input.id }, 'an activity failed');
        return { ok: false, error: { code: error.code, detail: error.message, retryable: error.retryable } };
      }
    };

  const current = async (id: string): Promise<WorkflowDocument> => {
    const document = await repository.find(id);
    if (!document) throw new AppError('not_found', 'there is no such workflow');
    return document;
  };

  const ofSteps = steps.flatMap((step): [string, Activity][] => {
    const activity =
      (kind: StepKind): Activity =>
      (input) =>
        runStep(step, kind, input, repository, log);
    const run: [string, Activity] = [step.name, activity('run')];
    return step.undo ? [run, [`${step.name}_undo`, activity('undo')]] : [run];
  });

  return {
    ...Object.fromEntries(ofSteps),

    inbox: answered(async ({ id, args }) => {
      const { completeBy } = args as { completeBy: string | null };
      if (completeBy) await repository.set(id, { completeBy });
    }),

    note: answered(async ({ id, args }) => {
      await repository.set(id, args as Partial<WorkflowDocument>);
    }),

    /** A repetition of the same re-planning finds its generation there, and changes nothing. */
    replan: answered(async ({ id, args, generation }) => {
      const document = await current(id);
      if (document.generation >= generation) return;
      const change = args as Change;
      await repository.set(id, {
        generation,
        request: changed(document.request, change.request),
        excluded: change.exclude
          ? [...new Set([...document.excluded, change.exclude])]
          : [...document.excluded],
        ...(change.reschedule ? { reschedule: change.reschedule } : {}),
      });
    }),

    /** How it ends, and what there is to undo before, in the order of the table. */
    effects: answered(async ({ id, args }) => {
      const { effects, ending } = await repository.beginEnding(id, args as Outcome);
      const open = (name: string) => effects[name] !== undefined && effects[name].status !== 'undone';
      const undo = steps.filter((step) => step.undo && open(step.name)).map((step) => step.name);
      return { undo, ending };
    }),

    finish: answered(async ({ id, args }) => {
      await repository.finish(id, args as Outcome);
    }),
  };
}

function changed(request: AcceptedRequest, change: Reschedule | undefined): AcceptedRequest {
  const { pickup, dropoff, pickupTime, deadline } = change ?? {};
  return {
    ...request,
    ...(pickup ? { pickup } : {}),
    ...(dropoff ? { dropoff } : {}),
    ...(pickupTime ? { pickupTime } : {}),
    ...(deadline ? { deadline } : {}),
  };
}
