/** Every route of the contracts, found by looking, so that a new one cannot be forgotten. */
import * as accounts from '../../shared/contracts/accounts.ts';
import * as deliveries from '../../shared/contracts/deliveries.ts';
import * as drones from '../../shared/contracts/drones.ts';
import * as history from '../../shared/contracts/history.ts';
import * as packages from '../../shared/contracts/packages.ts';
import * as requests from '../../shared/contracts/requests.ts';
import * as supervisor from '../../shared/contracts/supervisor.ts';
import * as thirdParty from '../../shared/contracts/third-party.ts';
import * as workflows from '../../shared/contracts/workflows.ts';
import type { Route } from '../../shared/http/define-route.ts';

const CONTRACTS = [
  accounts,
  packages,
  requests,
  deliveries,
  drones,
  thirdParty,
  workflows,
  history,
  supervisor,
];

export const ROUTES: readonly Route[] = CONTRACTS.flatMap((contract) =>
  (Object.values(contract) as unknown[]).filter(isRoute),
);

export function titleOf(route: Route): string {
  return `${route.method} ${route.path}`;
}

function isRoute(value: unknown): value is Route {
  return typeof value === 'object' && value !== null && 'functionName' in value;
}
