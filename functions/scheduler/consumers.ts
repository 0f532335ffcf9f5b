/** Consumes the scheduler's messages: requests begin workflows, every other message goes to a workflow's inbox. */
import type { DurableClient } from 'durable-functions';
import type { FlightEvent } from '../../shared/contracts/flight.ts';
import { type AcceptedRequest, acceptRequest, type RequestMessage } from '../../shared/contracts/requests.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { traceContext } from '../../shared/telemetry/trace-context.ts';
import { compensate, compensationInstanceOf, startWorkflow, wakeWorkflow } from './engine.ts';
import type { WorkflowRepository } from './repository.ts';
import type { OrchestrationCommand } from './schemas.ts';
import type { Limits } from './workflow-context.ts';

export interface Consumers {
  request(message: RequestMessage, client: DurableClient): Promise<void>;
  flightEvent(event: FlightEvent, client: DurableClient): Promise<void>;
  /** Commands for the engine, from the change feed. */
  changes(documents: readonly unknown[], client: DurableClient): Promise<void>;
}

export function createConsumers(
  repository: WorkflowRepository,
  limits: Limits,
  { call, now }: Pick<ServiceDeps, 'call' | 'now'>,
): Consumers {
  /** Takes the request over from ingestion. One that was answered 503 is not carried out: its workflow ends as rejected. */
  const begin = async (request: AcceptedRequest, client: DurableClient): Promise<void> => {
    const { deliveryId, owner } = request;
    const { body } = await call(acceptRequest, { params: { deliveryId }, accountId: owner.accountId });
    const { document, isNew } = await repository.open(request, traceContext());
    if (body.accepted) return void (await startWorkflow(client, document, limits, isNew));
    const reasons = ['the request was answered 503 and will not be carried out'];
    const at = now().toISOString();
    await repository.finish(deliveryId, { kind: 'rejected', code: 'not_accepted', reasons, at });
  };

  return {
    request: async (message, client) => {
      if (message.operation === 'delivery') return begin(message.request, client);
      const { deliveryId, messageId: eventId, at, operation } = message;
      const facts = message.operation === 'reschedule' ? message.change : {};
      await repository.inbox.put(deliveryId, { eventId, kind: operation, at, facts });
      if ((await repository.find(deliveryId))?.outcome) await repository.refuseLate(deliveryId, operation);
      else await wakeWorkflow(client, deliveryId);
    },

    flightEvent: async (event, client) => {
      const { eventId, kind, time, deliveryId } = event;
      await repository.inbox.put(deliveryId, { eventId, kind, at: time, facts: event });
      await wakeWorkflow(client, deliveryId);
    },

    changes: async (documents, client) => {
      for (const document of documents as Partial<OrchestrationCommand>[]) {
        if (document.type !== 'engine' || !document.deliveryId) continue;
        const workflow = await repository.find(document.deliveryId);
        if (!workflow || workflow.outcome) continue;
        const { pendingOutcome } = workflow;
        if (pendingOutcome && document.command === 'compensate')
          await compensate(client, { ...workflow, pendingOutcome }, limits);
        else if (!(await startWorkflow(client, workflow, limits)))
          await wakeWorkflow(client, workflow.deliveryId, compensationInstanceOf(workflow.deliveryId));
      }
    },
  };
}
