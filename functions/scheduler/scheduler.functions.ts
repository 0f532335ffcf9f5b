/** Registers the scheduler: routes, consumers, the orchestrations and their activities. */
import { app, type InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import { FlightEvent } from '../../shared/contracts/flight.ts';
import { RequestMessage } from '../../shared/contracts/requests.ts';
import * as contract from '../../shared/contracts/workflows.ts';
import { ENDLESS_RETRY, registerOutbox } from '../../shared/functions/change-feed.ts';
import { registerConsumer } from '../../shared/functions/event-hub.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { endpoint } from '../../shared/http/pipeline.ts';
import { untilSuperseded } from '../../shared/saga/protocol.ts';
import { createActivities } from './activities.ts';
import { compensateAndFinish, unknownOutcome } from './compensate.ts';
import { createConsumers } from './consumers.ts';
import { deliver } from './deliver.ts';
import { COMPENSATOR, limitsOf, ORCHESTRATOR, purgeEnded } from './engine.ts';
import { createHandlers } from './handlers.ts';
import { createWorkflowRepository, type WorkflowRepository } from './repository.ts';
import { createWorkflowContext } from './workflow-context.ts';

export function schedulerService(deps: ServiceDeps): Service {
  const repository = createWorkflowRepository(deps.database, deps.now, deps.settings.RETENTION_DAYS);
  const handlers = createHandlers(repository, deps);
  return {
    name: 'scheduler',
    endpoints: [
      endpoint(contract.getWorkflow, handlers.get),
      endpoint(contract.listOverdueWorkflows, handlers.overdue),
      endpoint(contract.nudgeWorkflow, handlers.nudge),
      endpoint(contract.compensateWorkflow, handlers.compensate),
      endpoint(contract.putInboxEvent, handlers.inbox),
    ],
    registerTriggers: () => {
      registerOrchestrations(repository, deps);
      registerConsumers(repository, deps);
      registerRetention(deps);
    },
  };
}

function registerOrchestrations(repository: WorkflowRepository, deps: ServiceDeps): void {
  df.app.orchestration(ORCHESTRATOR, function* (context) {
    yield* untilSuperseded(deliver(createWorkflowContext(context, context.df.getInput())));
  });
  df.app.orchestration(COMPENSATOR, function* (context) {
    const workflow = createWorkflowContext(context, context.df.getInput());
    yield* untilSuperseded(compensateAndFinish(workflow, unknownOutcome(workflow.now())));
  });
  for (const [name, handler] of Object.entries(createActivities(repository, deps))) {
    df.app.activity(name, { handler });
  }
}

/** Once an hour, away from the full hour. */
const RETENTION_SCHEDULE = '0 17 * * * *';

function registerRetention({ settings, now, log }: ServiceDeps): void {
  app.timer('scheduler_retention', {
    schedule: RETENTION_SCHEDULE,
    extraInputs: [df.input.durableClient()],
    handler: async (_, context) => {
      const purged = await purgeEnded(df.getClient(context), settings.ORCHESTRATION_RETENTION_DAYS, now());
      log.info({ purged }, 'ended orchestrations were purged');
    },
  });
}

function registerConsumers(repository: WorkflowRepository, deps: ServiceDeps): void {
  const consumers = createConsumers(repository, limitsOf(deps.settings), deps);
  const durable = df.input.durableClient();
  registerConsumer(
    {
      service: 'scheduler',
      hub: 'delivery-requests',
      schema: RequestMessage,
      keyOf: (message) =>
        message.operation === 'delivery' ? message.request.deliveryId : message.deliveryId,
      handle: ({ message, context }) => consumers.request(message, df.getClient(context)),
      extraInputs: [durable],
    },
    deps,
  );
  registerConsumer(
    {
      service: 'scheduler',
      hub: 'drone-events',
      schema: FlightEvent,
      keyOf: (event) => event.deliveryId,
      handle: ({ message, context }) => consumers.flightEvent(message, df.getClient(context)),
      extraInputs: [durable],
    },
    deps,
  );
  registerOutbox('scheduler', 'workflows', deps);
  app.cosmosDB('scheduler_engine', {
    connection: 'COSMOS',
    databaseName: deps.settings.COSMOS_DATABASE,
    containerName: 'workflows',
    leaseContainerName: 'leases',
    leaseContainerPrefix: 'scheduler-engine-',
    createLeaseContainerIfNotExists: false,
    startFromBeginning: true,
    feedPollDelay: deps.settings.CHANGE_FEED_POLL_MS,
    retry: ENDLESS_RETRY,
    extraInputs: [durable],
    handler: (documents: unknown[], context: InvocationContext) =>
      consumers.changes(documents, df.getClient(context)),
  });
}
