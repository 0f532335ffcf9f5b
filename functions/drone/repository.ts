/** Drones and flight jobs in Cosmos. */
import type { JSONObject } from '@azure/cosmos';
import type { Database, Stored } from '../../shared/cosmos/store.ts';
import { unlessConflict } from '../../shared/cosmos/write-conflict.ts';
import type { OutboxItem } from '../../shared/outbox/outbox.ts';
import type { FleetDrone } from './availability.ts';
import { type AvailableDrones, createAvailableDrones } from './available.ts';
import { createFleetQueries, type FleetQueries } from './fleet-queries.ts';
import type { Hold, JobDocument, RegistryDocument, StateDocument } from './schemas.ts';
import { createFleetSweep, type FleetSweep } from './sweep.ts';

export interface DroneRepository extends FleetQueries {
  readonly available: AvailableDrones;
  readonly sweep: FleetSweep;
  /** Both its documents, as far as there are any. */
  drone(droneId: string): Promise<Partial<FleetDrone>>;
  registry(droneId: string): Promise<Stored<RegistryDocument> | undefined>;
  state(droneId: string): Promise<Stored<StateDocument> | undefined>;
  createRegistry(document: RegistryDocument): Promise<Stored<RegistryDocument>>;
  replaceRegistry(document: RegistryDocument, etag: string): Promise<Stored<RegistryDocument>>;
  /** Reserves only if the drone still has the fence that was read, and no delivery holds it. False: another call reserved it. */
  hold(droneId: string, seenFence: number, hold: Hold, now: Date): Promise<boolean>;
  /** Sets the end of the lease; null: it never expires. False when this reservation no longer holds the drone. */
  extend(droneId: string, fence: number, until: string | null): Promise<boolean>;
  /** Removes the hold if it is of this delivery, and of this generation or an earlier one. */
  free(droneId: string, deliveryId: string, generation: number): Promise<void>;
  /** Resolves to the new etag, if it is known. Without an etag, there must be no state of the drone. @throws WriteConflict */
  saveState(
    document: StateDocument,
    etag: string | undefined,
    events: readonly OutboxItem[],
  ): Promise<string | undefined>;

  job(deliveryId: string): Promise<Stored<JobDocument> | undefined>;
  /** Resolves to the new etag, if it is known. Without an etag the job must be new. @throws WriteConflict */
  saveJob(
    job: JobDocument,
    etag: string | undefined,
    events?: readonly OutboxItem[],
  ): Promise<string | undefined>;
  releasedJobs(accountId: string, month: string): Promise<readonly JobDocument[]>;
}

export function createDroneRepository(database: Database): DroneRepository {
  const drones = database.store<RegistryDocument | StateDocument>('drones');

  return {
    ...createFleetQueries(database),
    available: createAvailableDrones(database),
    sweep: createFleetSweep(database),
    drone: async (droneId) => {
      const sql = "SELECT * FROM c WHERE c.type IN ('registry', 'state')";
      const { items } = await drones.query<RegistryDocument | StateDocument>(
        sql,
        {},
        { partitionKey: droneId },
      );
      const registry = items.find((item) => item.type === 'registry');
      const state = items.find((item) => item.type === 'state');
      return { ...(registry ? { registry } : {}), ...(state ? { state } : {}) };
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
    ...createJobs(database),
  };
}

type Jobs = Pick<DroneRepository, 'job' | 'saveJob' | 'releasedJobs'>;

function createJobs(database: Database): Jobs {
  const jobs = database.store<JobDocument>('droneDeliveries');
  return {
    job: (deliveryId) => jobs.read('job', deliveryId),
    saveJob: async (job, etag, events = []) => {
      if (events.length > 0) {
        await jobs.batch(job.deliveryId, [write(job, etag), ...events.map(create)]);
        return undefined;
      }
      return (await (etag ? jobs.replace(job, job.deliveryId, etag) : jobs.create(job))).etag;
    },
    releasedJobs: async (accountId, month) => {
      const sql =
        "SELECT * FROM c WHERE c.type = 'job' AND c.month = @month AND c.request.owner.accountId = @accountId";
      return (await jobs.query(sql, { month, accountId })).items;
    },
  };
}

function create(item: unknown) {
  return { operationType: 'Create' as const, resourceBody: item as JSONObject };
}

/** A replacement of what has this etag; without one, a creation. */
function write(item: { readonly id: string }, etag: string | undefined) {
  if (!etag) return create(item);
  const resourceBody = item as unknown as JSONObject;
  return { operationType: 'Replace' as const, id: item.id, resourceBody, ifMatch: etag };
}

/** False when the condition did not hold, or the item does not exist. */
async function patched(work: () => Promise<unknown>): Promise<boolean> {
  return (await unlessConflict(work, 'changed')) !== undefined;
}
