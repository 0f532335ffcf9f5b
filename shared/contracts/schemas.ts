/** Collects the schemas that OpenAPI shows by name: all that the contracts export. */
import { z } from 'zod';
import * as accounts from './accounts.ts';
import * as common from './common.ts';
import * as deliveries from './deliveries.ts';
import * as drones from './drones.ts';
import * as flight from './flight.ts';
import * as history from './history.ts';
import * as packages from './packages.ts';
import * as requests from './requests.ts';
import * as supervisor from './supervisor.ts';
import * as thirdParty from './third-party.ts';
import * as workflows from './workflows.ts';

const CONTRACTS = [
  common,
  accounts,
  packages,
  requests,
  deliveries,
  drones,
  flight,
  thirdParty,
  workflows,
  history,
  supervisor,
];

export const SCHEMAS: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  CONTRACTS.flatMap((contract) => Object.entries(contract as Readonly<Record<string, unknown>>)).filter(
    (entry): entry is [string, z.ZodType] => entry[1] instanceof z.ZodType,
  ),
);
