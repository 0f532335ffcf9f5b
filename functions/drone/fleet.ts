/** Handles the fleet's routes: registry, lists, quotes, utilization. */

import { checkReach } from '../../shared/auth/tenancy.ts';
import type {
  droneUtilization,
  getDrone,
  listDrones,
  listDronesNearby,
  putDrone,
  quoteDrone,
} from '../../shared/contracts/drones.ts';
import { checkIfMatch, unlessConflict, withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { distance } from '../../shared/geo/distance.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import type { FleetDrone } from './availability.ts';
import type { Tally } from './domain.ts';
import { createRefusals } from './refusals.ts';
import type { DroneRepository } from './repository.ts';
import type { JobDocument } from './schemas.ts';
import { candidatesFor } from './search.ts';
import { droneView } from './views.ts';

export interface FleetHandlers {
  readonly put: Handler<typeof putDrone>;
  readonly get: Handler<typeof getDrone>;
  readonly list: Handler<typeof listDrones>;
  readonly nearby: Handler<typeof listDronesNearby>;
  readonly quote: Handler<typeof quoteDrone>;
  readonly utilization: Handler<typeof droneUtilization>;
}

const METRES_PER_MILE = 1609.344;
const MS_PER_HOUR = 3_600_000;

export function createFleetHandlers(repository: DroneRepository, deps: ServiceDeps): FleetHandlers {
  const refusals = createRefusals({ fleet: repository.fleet, now: deps.now });
  const view = ({ registry, state }: FleetDrone) => droneView(registry, state, deps.now());

  return {
    put: async ({ params: { droneId }, body }, call) => {
      const wantedEtag = call.headers['if-match'];
      const fresh = { id: 'registry', type: 'registry', droneId, ...body, hold: null, fence: 0 } as const;
      const create = async () => ({ status: 201 as const, ...(await repository.createRegistry(fresh)) });
      const createOnly = async () => {
        checkIfMatch(wantedEtag, undefined);
        const created = await unlessConflict(create, 'exists');
        if (!created) throw new AppError('etag_mismatch', 'this drone is already registered');
        return created;
      };
      const write = async () => {
        const known = await repository.registry(droneId);
        checkIfMatch(wantedEtag, known?.etag);
        if (known) {
          const entry = { ...known.item, ...body };
          return { status: 200 as const, ...(await repository.replaceRegistry(entry, known.etag)) };
        }
        return create();
      };
      const { status, item, etag } =
        call.headers['if-none-match'] === '*'
          ? await createOnly()
          : await withOptimisticRetry(write, wantedEtag);
      const state = (await repository.state(droneId))?.item;
      return { status, body: droneView(item, state, deps.now()), headers: { etag } };
    },

    get: async ({ params }) => {
      const registry = await repository.registry(params.droneId);
      if (!registry) throw new AppError('not_found', 'there is no such drone');
      const state = (await repository.state(params.droneId))?.item;
      return {
        status: 200,
        body: droneView(registry.item, state, deps.now()),
        headers: { etag: registry.etag },
      };
    },

    list: async ({ query: { limit, continuation = '', reserved } }) => {
      const page = await repository.page(limit + 1, continuation, reserved === 'true');
      const shown = page.slice(0, limit);
      const last = page.length > limit ? shown.at(-1)?.registry.droneId : undefined;
      return { status: 200, body: { drones: shown.map(view), ...(last ? { continuation: last } : {}) } };
    },

    nearby: async ({ query: { lat, lon, radius, limit } }) => {
      const centre = { latitude: lat, longitude: lon, altitude: 0 };
      const near = await repository.nearby(centre, radius, limit);
      return { status: 200, body: { drones: near.map(view) } };
    },

    quote: async ({ body }) => {
      const context = { now: deps.now(), timeScale: deps.settings.TIME_SCALE };
      const task = { ...body, exclude: [] };
      const tally: Tally = new Map();
      const { value: best } = await candidatesFor(
        { task, context, tally },
        { ...repository, refusals },
      ).next();
      if (!best)
        return { status: 200, body: { feasible: false, refusals: [...(await refusals.count(task, tally))] } };
      const { pickupEta, deliveryEta } = best;
      const metres = distance(body.pickup, body.dropoff);
      return {
        status: 200,
        body: { feasible: true, refusals: [], distance: metres, pickupEta, deliveryEta },
      };
    },

    utilization: async ({ query }, call) => {
      checkReach(call.principal, query.ownerId, 'there is no such account');
      const month = `${query.year}-${String(query.month).padStart(2, '0')}`;
      const jobs = await repository.releasedJobs(query.ownerId, month);
      return { status: 200, body: utilizationOf(jobs) };
    },
  };
}

/** @throws AppError `not_found` when nothing was flown */
function utilizationOf(jobs: readonly JobDocument[]): { traveledMiles: number; assignedHours: number } {
  const metres = jobs.reduce((sum, { total }) => sum + (total?.metres ?? 0), 0);
  const ms = jobs.reduce((sum, { total }) => sum + (total?.ms ?? 0), 0);
  if (metres === 0 && ms === 0)
    throw new AppError('not_found', 'no drone flew for this account in this month');
  return { traveledMiles: metres / METRES_PER_MILE, assignedHours: ms / MS_PER_HOUR };
}
