/** A fleet for this folder's tests: drones at their bases, and the calls that tests make. */
import * as contract from '../../shared/contracts/drones.ts';
import type { TelemetryRecord } from '../../shared/contracts/flight.ts';
import { type Harness, operator, type Reply, service } from '../../tests/harness/service.ts';
import { createProjection } from './projection.ts';
import { createDroneRepository } from './repository.ts';
import type { JobDocument } from './schemas.ts';
import { createTelemetrySink } from './telemetry.ts';

export const PERFORMANCE = {
  cruiseSpeed: 15,
  climbRate: 3,
  descentRate: 2,
  cruiseAltitude: 60,
  emptyMass: 6,
  maxPayload: 5,
  batteryCapacity: 500,
  cruiseEnergy: 0.02,
  hoverPower: 400,
  handlingTime: 20,
  reserve: 0.2,
};
const BASE = { latitude: 47.6, longitude: -122.33, altitude: 0 };
export const PICKUP = { latitude: 47.605, longitude: -122.33, altitude: 0 };
export const DROPOFF = { latitude: 47.61, longitude: -122.335, altitude: 0 };
export const OWNER = { userId: 'ann', accountId: 'contoso' };

/** A sample of a drone that stands at its base, unless said otherwise. */
export function sample(droneId: string, now: Date, more: Partial<TelemetryRecord> = {}): TelemetryRecord {
  return {
    droneId,
    boot: 'b1',
    seq: 1,
    time: now.toISOString(),
    position: BASE,
    velocity: { north: 0, east: 0, up: 0 },
    heading: 0,
    battery: 1,
    flightMode: 'Ready',
    leg: 'Idle',
    loaded: false,
    ...more,
  };
}

export interface Fleet {
  /** Registers drones and lets them be heard, nearest to the pickup first. */
  add(...droneIds: readonly string[]): Promise<void>;
  /** Registers a drone, or changes its entry. */
  register(droneId: string, more?: object): Promise<Reply>;
  hear(record: TelemetryRecord): Promise<void>;
  /** Does what the sweep and the change feed of `drones` would have done by now: so do `register`, `hear` and `reserve`. */
  follow(): Promise<void>;
  reserve(deliveryId: string, more?: object): Promise<Reply>;
  /** A reservation that sees the drones by place as they are now. */
  request(deliveryId: string, more?: object): Promise<Reply>;
  dispatch(deliveryId: string, fence: number): Promise<Reply>;
  confirm(deliveryId: string, fence: number): Promise<Reply>;
  recall(deliveryId: string, fence: number): Promise<Reply>;
  release(deliveryId: string, fence?: number): Promise<Reply>;
  job(deliveryId: string): Promise<JobDocument | undefined>;
  /** Who holds which drone, leases that have run out left aside. */
  holds(): Promise<Record<string, string>>;
  /** Bodies of the outbox, oldest first. */
  events(deliveryId: string): Promise<readonly Record<string, unknown>[]>;
}

/** The sweep, and then the change feed with all drones' documents, one run after the other. */
export function followDrones(harness: Harness): () => Promise<void> {
  const repository = createDroneRepository(harness.database);
  const project = createProjection(repository);
  let last = Promise.resolve();
  let swept: Date | undefined;
  const run = async () => {
    if (swept !== harness.clock.now) await repository.sweep.markSilent(harness.clock.now);
    swept = harness.clock.now;
    const fleet = await repository.fleet();
    await project(
      fleet.flatMap(({ registry, state }) => [registry, ...(state ? [state] : [])]),
      harness.clock.now,
    );
  };
  return () => {
    last = last.then(run, run);
    return last;
  };
}

export function fleetOf(harness: Harness): Fleet {
  const repository = createDroneRepository(harness.database);
  const takeTelemetry = createTelemetrySink(repository);
  const follow = followDrones(harness);
  const as = service('contoso');
  const body = { owner: OWNER, generation: 1, pickup: PICKUP, dropoff: DROPOFF, weight: 1, size: 'Small' };
  const register: Fleet['register'] = async (droneId, more = {}) => {
    const entry = { model: 'M1', performance: PERFORMANCE, base: { baseId: 'b', position: BASE } };
    const reply = await harness.request(contract.putDrone, {
      as: operator,
      params: { droneId },
      body: { ...entry, ...more },
    });
    await follow();
    return reply;
  };
  const request: Fleet['request'] = (deliveryId, more = {}) =>
    harness.request(contract.reserveDrone, { as, params: { deliveryId }, body: { ...body, ...more } });
  const hear = async (record: TelemetryRecord) => {
    await takeTelemetry(record);
    await follow();
  };
  return {
    register,
    add: async (...droneIds) => {
      for (const [index, droneId] of droneIds.entries()) {
        const position = { ...BASE, latitude: BASE.latitude - index * 0.0005 };
        await register(droneId, { base: { baseId: 'b', position } });
        await hear(sample(droneId, harness.clock.now, { position }));
      }
    },
    hear,
    follow,
    request,
    reserve: async (deliveryId, more) => {
      await follow();
      return request(deliveryId, more);
    },
    dispatch: (deliveryId, fence) =>
      harness.request(contract.dispatchDrone, { as, params: { deliveryId }, body: { fence } }),
    confirm: (deliveryId, fence) =>
      harness.request(contract.confirmMission, { as, params: { deliveryId }, body: { fence } }),
    recall: (deliveryId, fence) =>
      harness.request(contract.recallDrone, { as, params: { deliveryId }, body: { fence, reason: 'test' } }),
    release: (deliveryId, fence) =>
      harness.request(contract.releaseDrone, {
        as,
        params: { deliveryId },
        query: fence === undefined ? {} : { fence: String(fence) },
      }),
    job: async (deliveryId) => (await repository.job(deliveryId))?.item,
    holds: async () => {
      const { body: answer } = await harness.request(contract.listDrones, { as: operator });
      const drones = (answer?.['drones'] ?? []) as { id: string; reservedFor?: string }[];
      return Object.fromEntries(
        drones.flatMap(({ id, reservedFor }) => (reservedFor ? [[id, reservedFor]] : [])),
      );
    },
    events: async (deliveryId) => {
      const { items } = await harness.database
        .store<{ id: string; body: Record<string, unknown> }>('droneDeliveries')
        .query<{ body: Record<string, unknown> }>(
          "SELECT * FROM c WHERE c.type = 'event'",
          {},
          { partitionKey: deliveryId },
        );
      return items.map((item) => item.body);
    },
  };
}
