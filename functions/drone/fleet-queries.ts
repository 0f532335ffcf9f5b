/** Queries over the drones in Cosmos. */
import type { Position } from '../../shared/contracts/common.ts';
import type { Database } from '../../shared/cosmos/store.ts';
import { distance, squareAround } from '../../shared/geo/distance.ts';
import type { FleetDrone } from './availability.ts';
import type { RegistryDocument, StateDocument } from './schemas.ts';

/** The first radius in which nearby drones are searched, m; it grows until there are enough. */
const FIRST_RING = 1_000;
const RING_GROWTH = 4;

export interface FleetQueries {
  fleet(): Promise<readonly FleetDrone[]>;
  /** At most `limit` drones, by id, from the one after `after`; those that are held alone, if asked for. */
  page(limit: number, after: string, areHeld?: boolean): Promise<readonly FleetDrone[]>;
  /** The drones nearest to a point by their latest stored positions, nearest first. @param radius m */
  nearby(centre: Position, radius: number, limit: number): Promise<readonly FleetDrone[]>;
}

export function createFleetQueries(database: Database): FleetQueries {
  const drones = database.store<RegistryDocument | StateDocument>('drones');
  const withStates = async (registries: readonly RegistryDocument[]): Promise<FleetDrone[]> => {
    const sql = "SELECT * FROM c WHERE c.type = 'state' AND ARRAY_CONTAINS(@droneIds, c.droneId)";
    const droneIds = registries.map(({ droneId }) => droneId);
    const found = droneIds.length > 0 ? (await drones.query<StateDocument>(sql, { droneIds })).items : [];
    const states = new Map(found.map((state) => [state.droneId, state]));
    return registries.map((registry) => ({ registry, state: states.get(registry.droneId) }));
  };

  /** The nearest drones within a square. The index finds them, so the cost does not grow with the fleet. */
  const nearestWithin = async (centre: Position, radius: number, limit: number): Promise<string[]> => {
    const { south, north, west, east } = squareAround(centre, radius);
    const longitude =
      west <= east
        ? 'c.position.longitude >= @west AND c.position.longitude <= @east'
        : '(c.position.longitude >= @west OR c.position.longitude <= @east)';
    const sql = `SELECT c.droneId, c.position FROM c WHERE c.type = 'state'
      AND c.position.latitude >= @south AND c.position.latitude <= @north AND ${longitude}`;
    const { items } = await drones.query<Pick<StateDocument, 'droneId' | 'position'>>(sql, {
      south,
      north,
      west,
      east,
    });
    return items
      .map(({ droneId, position }) => ({ droneId, metres: distance(centre, position) }))
      .filter(({ metres }) => metres <= radius)
      .toSorted((a, b) => a.metres - b.metres)
      .slice(0, limit)
      .map(({ droneId }) => droneId);
  };

  return {
    page: async (limit, after, areHeld = false) => {
      const sql = `SELECT * FROM c WHERE c.type = 'registry' AND c.droneId > @after
        ${areHeld ? 'AND IS_OBJECT(c.hold)' : ''} ORDER BY c.droneId`;
      return withStates((await drones.query<RegistryDocument>(sql, { after }, { limit })).items);
    },
    nearby: async (centre, radius, limit) => {
      let ring = Math.min(radius, FIRST_RING);
      let nearest = await nearestWithin(centre, ring, limit);
      while (nearest.length < limit && ring < radius) {
        ring = Math.min(radius, ring * RING_GROWTH);
        nearest = await nearestWithin(centre, ring, limit);
      }
      const sql = "SELECT * FROM c WHERE c.type = 'registry' AND ARRAY_CONTAINS(@nearest, c.droneId)";
      const found = nearest.length > 0 ? (await drones.query<RegistryDocument>(sql, { nearest })).items : [];
      const fleet = new Map((await withStates(found)).map((drone) => [drone.registry.droneId, drone]));
      return nearest.flatMap((droneId) => fleet.get(droneId) ?? []);
    },
    fleet: async () => {
      const sql = "SELECT * FROM c WHERE c.type IN ('registry', 'state')";
      const { items } = await drones.query(sql, {});
      const states = new Map(
        items.filter((item) => item.type === 'state').map((item) => [item.droneId, item]),
      );
      return items
        .filter((item) => item.type === 'registry')
        .map((registry) => ({ registry, state: states.get(registry.droneId) }));
    },
  };
}
