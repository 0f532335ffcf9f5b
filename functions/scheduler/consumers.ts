/** What the scheduler does with messages: requests begin workflows, everything else goes to their inbox. */
import type { DurableClient } from 'durable-functions';
import type { FlightEvent } from '../../shared/contracts/flight.ts';
import type { RequestMessage } from '../../shared/contracts/requests.ts';
import { traceparent } from '../../shared/telemetry/trace.ts';
import { compensate, startWorkflow, undoInstanceOf, wakeWorkflow } from './engine.ts';
import type { WorkflowRepository } from './repository.ts';
import type { EngineCommand, WorkflowDocument } from './schemas.ts';
import type { Limits } from './tale.ts';

export interface Consumers {
  request(message: RequestMessage, client: DurableClient): Promise<void>;
  flightEvent(event: FlightEvent, client: DurableClient): Promise<void>;
  /** From the change feed: inbox items that came by contract, and wishes for the engine. */
  changes(documents: readonly unknown[], client: DurableClient): Promise<void>;
}

export function createConsumers(repository: WorkflowRepository, limits: Limits): Consumers {
  return {
    request: async (message, client) => {
      if (message.operation === 'delivery') {
        const document = await repository.open(message.request, traceparent());
        await startWorkflow(client, document, limits);
        return;
      }
      const { deliveryId, messageId: eventId, at, operation: wish } = message;
      const facts = message.operation === 'reschedule' ? message.change : {};
      await repository.putSignal(deliveryId, { eventId, kind: wish, at, facts });
      if ((await repository.find(deliveryId))?.outcome) await repository.refuseLate(deliveryId, wish);
      else await wakeWorkflow(client, deliveryId);
    },

    flightEvent: async (event, client) => {
      const { eventId, kind, time, deliveryId } = event;
      await repository.putSignal(deliveryId, { eventId, kind, at: time, facts: event });
      await wakeWorkflow(client, deliveryId);
    },

    changes: async (documents, client) => {
      for (const document of documents as Partial<EngineCommand>[]) {
        if (document.type !== 'engine' || !document.deliveryId) continue;
        const workflow = await repository.find(document.deliveryId);
        if (!workflow || workflow.outcome) continue;
        if (document.command === 'compensate') await end(workflow, document, client);
        else if (!(await startWorkflow(client, workflow, limits)))
          await wakeWorkflow(client, workflow.deliveryId, undoInstanceOf(workflow.deliveryId));
      }
    },
  };

  async function end(
    { deliveryId }: WorkflowDocument,
    { reason = '', at }: Partial<EngineCommand>,
    client: DurableClient,
  ): Promise<void> {
    const wished = { kind: 'failed' as const, reasons: [reason], at: at ?? new Date(0).toISOString() };
    await compensate(client, await repository.beginEnding(deliveryId, wished), limits);
  }
}
