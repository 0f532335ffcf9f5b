/** The activities: every step and its compensation, and those that only write the workflow document. */
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { compensatedSteps } from '../../shared/saga/define-saga.ts';
import { createRecordActivities, type RecordImplementations } from '../../shared/saga/run-record.ts';
import { type Activity, createStepActivities } from '../../shared/saga/run-step.ts';
import { accountSteps } from './account-steps.ts';
import { carrierSteps } from './carrier-steps.ts';
import { type DeliverySaga, deliverySaga } from './delivery-saga.ts';
import { deliverySteps } from './delivery-steps.ts';
import { changedRequest } from './domain.ts';
import { droneSteps } from './drone-steps.ts';
import type { WorkflowRepository } from './repository.ts';
import type { WorkflowDocument } from './schemas.ts';
import { type DeliverySteps, withClient } from './step-call.ts';

const steps: DeliverySteps = { ...accountSteps, ...droneSteps, ...carrierSteps, ...deliverySteps };

/** The activities by their names in the engine. */
export function createActivities(
  repository: WorkflowRepository,
  deps: Pick<ServiceDeps, 'call' | 'log'>,
): Readonly<Record<string, Activity>> {
  const { journal, inbox } = repository;
  const runtime = {
    journal,
    inbox,
    log: deps.log,
    prepare: (call: Parameters<typeof withClient>[0]) => withClient(call, deps),
  };
  return {
    ...createStepActivities(deliverySaga, steps, runtime),
    ...createRecordActivities(deliverySaga, createRecords(repository), runtime),
  };
}

function createRecords(
  repository: WorkflowRepository,
): RecordImplementations<DeliverySaga, WorkflowDocument> {
  const { journal } = repository;
  return {
    /** Writes only where there is something to write: a wake says that the inbox has to be read anyway. */
    inbox: async (input, { completeBy }) => {
      const isIdle = !completeBy && input.carried.length === 0 && input.handled.length === 0;
      const state = isIdle ? 'unread' : await journal.set(input, completeBy ? { completeBy } : {});
      return { value: undefined, state };
    },

    note: async (input, fields) => ({ value: undefined, state: await journal.set(input, fields) }),

    /** A repetition finds its generation in the document, and changes nothing. */
    replan: async (input, { request, exclude, reschedule }) => {
      const { id, generation } = input;
      const document = await repository.find(id);
      if (!document) throw new AppError('not_found', 'there is no such workflow');
      const change = {
        generation,
        request: changedRequest(document.request, request),
        excluded: [...new Set([...document.excluded, ...(exclude ? [exclude] : [])])],
        ...(reschedule ? { reschedule } : {}),
      };
      const state = await journal.set(input, document.generation >= generation ? {} : change);
      return { value: undefined, state };
    },

    beginCompensation: async (input, requested) => {
      const state = await journal.beginCompensation(input, requested);
      const { effects, pendingOutcome: outcome = requested } = state;
      const isOpen = (name: string) => effects[name] !== undefined && effects[name].status !== 'compensated';
      return { value: { steps: compensatedSteps(deliverySaga).filter(isOpen), outcome }, state };
    },

    finish: async (input, outcome) => ({
      value: await repository.finish(input.id, outcome, journal.carriedBy(input)),
    }),
  };
}
