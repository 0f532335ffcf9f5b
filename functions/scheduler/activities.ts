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

function createRecords(repository: WorkflowRepository): RecordImplementations<DeliverySaga> {
  return {
    inbox: async (input, { completeBy }) => {
      if (completeBy) await repository.journal.set(input, { completeBy });
    },

    note: (input, fields) => repository.journal.set(input, fields),

    /** A repetition finds its generation in the document, and changes nothing. */
    replan: async (input, { request, exclude, reschedule }) => {
      const { id, generation } = input;
      const document = await repository.find(id);
      if (!document) throw new AppError('not_found', 'there is no such workflow');
      if (document.generation >= generation) return;
      await repository.journal.set(input, {
        generation,
        request: changedRequest(document.request, request),
        excluded: [...new Set([...document.excluded, ...(exclude ? [exclude] : [])])],
        ...(reschedule ? { reschedule } : {}),
      });
    },

    beginCompensation: async ({ id }, requested) => {
      const { effects, pendingOutcome: outcome = requested } = await repository.journal.beginCompensation(
        id,
        requested,
      );
      const isOpen = (name: string) => effects[name] !== undefined && effects[name].status !== 'compensated';
      return { steps: compensatedSteps(deliverySaga).filter(isOpen), outcome };
    },

    finish: ({ id }, outcome) => repository.finish(id, outcome),
  };
}
