/** The account service's routes. */
import * as contract from '../../shared/contracts/accounts.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { endpoint } from '../../shared/http/pipeline.ts';
import { createHandlers } from './handlers.ts';
import { createHold, createRelease } from './hold.ts';
import { createAccountRepository } from './repository.ts';
import { createUserHandlers } from './users.ts';

export function accountService(deps: ServiceDeps): Service {
  const repository = createAccountRepository(deps.database);
  const handlers = createHandlers(repository, deps);
  const users = createUserHandlers(repository, deps);
  return {
    name: 'account',
    endpoints: [
      endpoint(contract.putAccount, handlers.put),
      endpoint(contract.getAccount, handlers.get),
      endpoint(contract.accountExists, handlers.exists),
      endpoint(contract.patchAccount, handlers.patch),
      endpoint(contract.checkAdmission, handlers.admission),
      endpoint(contract.listHolds, handlers.holds),
      endpoint(contract.putUser, users.put),
      endpoint(contract.getUser, users.get),
      endpoint(contract.removeUser, users.remove),
      endpoint(contract.listUsers, users.list),
      endpoint(contract.holdQuota, createHold(repository, deps)),
      endpoint(contract.releaseQuota, createRelease(repository, deps)),
    ],
  };
}
