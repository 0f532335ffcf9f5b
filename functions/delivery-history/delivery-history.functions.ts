/** The delivery history's routes. */
import * as contract from '../../shared/contracts/history.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { endpoint } from '../../shared/http/pipeline.ts';
import { createHandlers } from './handlers.ts';
import { createHistoryRepository } from './repository.ts';

export function deliveryHistoryService(deps: ServiceDeps): Service {
  const handlers = createHandlers(createHistoryRepository(deps.database));
  return {
    name: 'delivery-history',
    endpoints: [
      endpoint(contract.archiveDelivery, handlers.archive),
      endpoint(contract.getHistoryEntry, handlers.get),
      endpoint(contract.searchHistory, handlers.search),
      endpoint(contract.summarizeHistory, handlers.summary),
    ],
  };
}
