/** Registers ingestion: its routes and its sweep. */
import { app } from '@azure/functions';
import * as contract from '../../shared/contracts/requests.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { endpoint } from '../../shared/http/pipeline.ts';
import { createHandlers } from './handlers.ts';
import { createQuote } from './quote.ts';
import { createRequestRepository } from './repository.ts';
import { createSubmit } from './submit.ts';
import { sweep } from './sweep.ts';

const SWEEP_SCHEDULE = '*/30 * * * * *';

export function ingestionService(deps: ServiceDeps): Service {
  const repository = createRequestRepository(deps.database);
  const handlers = createHandlers(repository, deps);
  return {
    name: 'ingestion',
    endpoints: [
      endpoint(contract.submitRequest, createSubmit(repository, deps)),
      endpoint(contract.getRequest, handlers.get),
      endpoint(contract.listRequests, handlers.list),
      endpoint(contract.acceptRequest, handlers.accept),
      endpoint(contract.cancelRequest, handlers.cancel),
      endpoint(contract.rescheduleRequest, handlers.reschedule),
      endpoint(contract.quote, createQuote(deps)),
    ],
    registerTriggers: () => {
      app.timer('ingestion_sweep', { schedule: SWEEP_SCHEDULE, handler: () => sweep(repository, deps) });
    },
  };
}
