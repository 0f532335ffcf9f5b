/** The package service's routes. */
import * as contract from '../../shared/contracts/packages.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { endpoint } from '../../shared/http/pipeline.ts';
import { createHandlers } from './handlers.ts';
import { createPackageRepository } from './repository.ts';

export function packageService(deps: ServiceDeps): Service {
  const handlers = createHandlers(createPackageRepository(deps.database), deps);
  return {
    name: 'package',
    endpoints: [
      endpoint(contract.putPackage, handlers.put),
      endpoint(contract.getPackage, handlers.get),
      endpoint(contract.patchPackage, handlers.patch),
      endpoint(contract.deletePackage, handlers.remove),
      endpoint(contract.summarizePackages, handlers.summary),
    ],
  };
}
