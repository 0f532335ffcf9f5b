/** Drones and flight jobs in Cosmos. */
import type { JSONObject } from '@azure/cosmos';
import type { Position } from '../../shared/contracts/common.ts';
import type { Database, Stored } from '../../shared/cosmos/store.ts';
import { unlessConflict } from '../../shared/cosmos/write-conflict.ts';
import { distance, squareAround } from '../../shared/geo/distance.ts';
import type { OutboxItem } from '../../shared/outbox/outbox.ts';
import type { FleetDrone } from './domain.ts';
import type { Hold, JobDocument, RegistryDocument, StateDocument } from './schemas.ts';

/** Nearby drones are looked for within this radius first, m, then within ever larger ones. */
const FIRST_RING = 1_000;
const RING_GROWTH = 4;

export interface DroneRepository {
  fleet(): Promise<readonly FleetDrone[]>;
  /** At most `limit` drones, by id, from the one after `after`. */
  page(limit: number, after: string): Promise<readonly FleetDrone[]>;
  /** The drones nearest to a point, as their latest stored positions say; nearest first. @param radius m */
  nearby(centre: Position, radius: number, limit: number): Promise<readonly FleetDrone[]>;
  registry(droneId: string): Promise<Stored<RegistryDocument> | undefined>;
  state(droneId: string): Promise<Stored<StateDocument> | undefined>;
  createRegistry(document: RegistryDocument): Promise<Stored<RegistryDocument>>;
  replaceRegistry(document: RegistryDocument, etag: string): Promise<Stored<RegistryDocument>>;
  /** Only while the drone's fence is still the one that was seen, and nobody holds it. False: somebody was faster. */
  hold(droneId: string, seenFence: number, hold: Hold, now: Date): Promise<boolean>;
  /** The lease ends at `until`; null: no more. False when the drone is not held for this. */
  extend(droneId: string, fence: number, until: string | null): Promise<boolean>;
  /** Only the hold of this delivery, and only up to this generation. */
  free(droneId: string, deliveryId: string, generation: number): Promise<void>;
  /** Resolves to the new etag, if it is known. Without an etag the drone must never have been heard. @throws WriteConflict */
  saveState(
    document: StateDocument,
    etag: string | undefined,
    events: readonly OutboxItem[],
  ): Promise<string | undefined>;

  job(deliveryId: string): Promise<Stored<JobDocument> | undefined>;
  /** Without an etag the job must be new. @throws WriteConflict */
  saveJob(job: JobDocument, etag: string | undefined, events?: readonly OutboxItem[]): Promise<void>;
  releasedJobs(accountId: string, month: string): Promise<readonly JobDocument[]>;
}

export function createDroneRepository(database: Database): DroneRepository {
  const drones = database.store<RegistryDocument | StateDocument>('drones');
  const jobs = database.store<JobDocument>('droneDeliveries');
  const create = (item: unknown) => ({ operationType: 'Create' as const, resourceBody: item as JSONObject });
  const write = (item: { readonly id: string }, etag: string | undefined) =>
    etag
      ? {
          operationType: 'Replace' as const,
          id: item.id,
          resourceBody: item as unknown as JSONObject,
          ifMatch: etag,
        }
      : create(item);

  const withStates = async (registries: readonly RegistryDocument[]): Promise<FleetDrone[]> => {
    const sql = "SELECT * FROM c WHERE c.type = 'state' AND ARRAY_CONTAINS(@droneIds, c.droneId)";
    const droneIds = registries.map(({ droneId }) => droneId);
    const found = droneIds.length > 0 ? (await drones.query<StateDocument>(sql, { droneIds })).items : [];
    const states = new Map(found.map((state) => [state.droneId, state]));
    return registries.map((registry) => ({ registry, state: states.get(registry.droneId) }));
  };

  /** The nearest of those within a square: the index finds them, whatever the size of the fleet. */
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
    page: async (limit, after) => {
      const sql = "SELECT * FROM c WHERE c.type = 'registry' AND c.droneId > @after ORDER BY c.droneId";
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
    registry: (droneId) => drones.read<RegistryDocument>('registry', droneId),
    state: (droneId) => drones.read<StateDocument>('state', droneId),
    createRegistry: (document) => drones.create<RegistryDocument>(document),
    replaceRegistry: (document, etag) => drones.replace<RegistryDocument>(document, document.droneId, etag),

    hold: async (droneId, seenFence, hold, now) => {
      const condition = `FROM c WHERE c.fence = ${seenFence} AND (IS_NULL(c.hold) OR c.hold.until < '${now.toISOString()}')`;
      return patched(() =>
        drones.patch(
          'registry',
          droneId,
          [
            { op: 'set', path: '/hold', value: hold },
            { op: 'set', path: '/fence', value: hold.fence },
          ],
          { condition },
        ),
      );
    },
    extend: (droneId, fence, until) => {
      const condition = `FROM c WHERE c.hold.fence = ${fence}`;
      return patched(() =>
        drones.patch('registry', droneId, [{ op: 'set', path: '/hold/until', value: until }], { condition }),
      );
    },
    free: async (droneId, deliveryId, generation) => {
      const condition = `FROM c WHERE c.hold.deliveryId = '${deliveryId}' AND c.hold.generation <= ${generation}`;
      await patched(() =>
        drones.patch('registry', droneId, [{ op: 'set', path: '/hold', value: null }], { condition }),
      );
    },
    saveState: async (document, etag, events) => {
      if (events.length > 0) {
        await drones.batch(document.droneId, [write(document, etag), ...events.map(create)]);
        return undefined;
      }
      const written = etag
        ? await drones.replace<StateDocument>(document, document.droneId, etag)
        : await drones.create<StateDocument>(document);
      return written.etag;
    },

    job: (deliveryId) => jobs.read('job', deliveryId),
    saveJob: async (job, etag, events = []) => {
      await jobs.batch(job.deliveryId, [write(job, etag), ...events.map(create)]);
    },
    releasedJobs: async (accountId, month) => {
      const sql =
        "SELECT * FROM c WHERE c.type = 'job' AND c.month = @month AND c.request.owner.accountId = @accountId";
      return (await jobs.query(sql, { month, accountId })).items;
    },
  };
}

/** False when the condition did not hold, or there was nothing to patch. */
async function patched(work: () => Promise<unknown>): Promise<boolean> {
  return (await unlessConflict(work, 'changed')) !== undefined;
}
