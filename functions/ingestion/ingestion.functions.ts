/** Ingestion's routes. */
import * as contract from '../../shared/contracts/requests.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { endpoint } from '../../shared/http/pipeline.ts';
import { createHandlers } from './handlers.ts';
import { createRequestRepository } from './repository.ts';
import { createSubmit } from './submit.ts';

export function ingestionService(deps: ServiceDeps): Service {
  const repository = createRequestRepository(deps.database);
  const handlers = createHandlers(repository, deps);
  return {
    name: 'ingestion',
    endpoints: [
      endpoint(contract.submitRequest, createSubmit(repository, deps)),
      endpoint(contract.getRequest, handlers.get),
      endpoint(contract.acceptRequest, handlers.accept),
      endpoint(contract.cancelRequest, handlers.cancel),
      endpoint(contract.rescheduleRequest, handlers.reschedule),
      endpoint(contract.quote, handlers.quote),
    ],
  };
}
