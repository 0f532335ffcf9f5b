/** The account service's routes. */
import * as contract from '../../shared/contracts/accounts.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { endpoint } from '../../shared/http/pipeline.ts';
import { createHandlers } from './handlers.ts';
import { createHold, createRelease } from './hold.ts';
import { createAccountRepository } from './repository.ts';

export function accountService(deps: ServiceDeps): Service {
  const repository = createAccountRepository(deps.database);
  const handlers = createHandlers(repository, deps);
  return {
    name: 'account',
    endpoints: [
      endpoint(contract.putAccount, handlers.put),
      endpoint(contract.getAccount, handlers.get),
      endpoint(contract.accountExists, handlers.exists),
      endpoint(contract.putUser, handlers.putUser),
      endpoint(contract.listUsers, handlers.users),
      endpoint(contract.holdQuota, createHold(repository, deps)),
      endpoint(contract.releaseQuota, createRelease(repository, deps)),
    ],
  };
}
