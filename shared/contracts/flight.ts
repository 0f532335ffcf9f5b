/**
 * The messages between the drone service, tracking and a drone: missions and commands on the way down, telemetry and
 * flight events on the way up. Commands travel on the hub `drone-commands`, flight events on `drone-events`, telemetry
 * (decimated) on `drone-telemetry`; between tracking and the drone the frames below are WebSocket text messages, one JSON
 * object each.
 *
 * Distances in m, speeds in m/s, energy in Wh, power in W, weights in kg, times ISO 8601.
 */
import { z } from 'zod';
import { DroneFlightMode, Eta, Id, Owner, Position, Time } from './common.ts';

/** The performance of a drone, from its registry entry; plans and ETAs are computed from it. */
export const FlightPerformance = z.strictObject({
  cruiseSpeed: z.number().min(0.1).max(200),
  climbRate: z.number().min(0.1).max(100),
  descentRate: z.number().min(0.1).max(100),
  cruiseAltitude: z.number().min(1).max(5000),
  emptyMass: z.number().min(0.01).max(10_000),
  maxPayload: z.number().min(0.001).max(10_000),
  batteryCapacity: z.number().min(0.1).max(1_000_000),
  /** Wh per metre of level flight, empty; grows with (mass / empty mass) ^ 1.5. */
  cruiseEnergy: z.number().min(0.000_001).max(1000),
  hoverPower: z.number().min(0.1).max(10_000_000),
  /** Seconds on the ground (or at the winch) for loading, and for unloading. */
  handlingTime: z.number().min(0).max(3600),
  /** Share of the battery's capacity that must be left after landing. */
  reserve: z.number().min(0).max(0.9),
});
export type FlightPerformance = z.infer<typeof FlightPerformance>;

export const Base = z.strictObject({ baseId: Id, position: Position });
export type Base = z.infer<typeof Base>;

/** A drone's flight job for one delivery: base → pickup → dropoff → base. */
export const Mission = z.strictObject({
  missionId: Id,
  deliveryId: Id,
  droneId: Id,
  owner: Owner,
  fence: z.number().int().positive(),
  pickup: Position,
  dropoff: Position,
  base: Base,
  payload: z.number().min(0).max(10_000),
  performance: FlightPerformance,
  pickupEta: Eta,
  deliveryEta: Eta,
});
export type Mission = z.infer<typeof Mission>;

const commandHead = {
  commandId: Id,
  droneId: Id,
  deliveryId: Id,
  missionId: Id,
  fence: z.number().int().positive(),
};

/** A drone executes a command once per `commandId`, and refuses one whose fence is older than the newest it has seen. */
export const DroneCommand = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('Mission'), ...commandHead, mission: Mission }),
  z.strictObject({ kind: z.literal('Recall'), ...commandHead, reason: z.string().max(200) }),
]);
export type DroneCommand = z.infer<typeof DroneCommand>;

export const FLIGHT_LEGS = ['Idle', 'ToPickup', 'AtPickup', 'ToDropoff', 'AtDropoff', 'ToBase'] as const;
export const FlightLeg = z.enum(FLIGHT_LEGS);
export type FlightLeg = z.infer<typeof FlightLeg>;

/** m/s, along one axis */
const Speed = z.number().min(-500).max(500);
const Degrees = z.number().min(-360).max(360);

/** One sample of a drone's state. `seq` grows by one with each sample, and starts again with each start of the drone (`boot`). */
export const Telemetry = z.strictObject({
  droneId: Id,
  boot: z.string().max(40),
  seq: z.number().int().nonnegative(),
  time: Time,
  position: Position,
  velocity: z.strictObject({ north: Speed, east: Speed, up: Speed }),
  /** Degrees clockwise from north. */
  heading: Degrees,
  /** Share of the capacity, 0 to 1. */
  battery: z.number().min(0).max(1),
  flightMode: DroneFlightMode,
  leg: FlightLeg,
  loaded: z.boolean(),
  missionId: Id.optional(),
  deliveryId: Id.optional(),
  fence: z.number().int().positive().optional(),
  /** Horizontal accuracy (1 sigma), m. */
  accuracy: z.number().min(0).max(100_000).optional(),
  wind: z.strictObject({ north: Speed, east: Speed }).optional(),
});
export type Telemetry = z.infer<typeof Telemetry>;

export const FLIGHT_EVENTS = [
  'MissionAccepted',
  'MissionRefused',
  'TookOff',
  'ArrivedAtPickup',
  'PickedUp',
  'ArrivedAtDropoff',
  'Delivered',
  'Recalled',
  'RecallRefused',
  'Aborted',
  'Returned',
  'LinkLost',
  'LinkRestored',
  'LowBattery',
] as const;
export const FlightEventKind = z.enum(FLIGHT_EVENTS);
export type FlightEventKind = z.infer<typeof FlightEventKind>;

/**
 * Something that happened in flight. The drone (or tracking, for the link) asserts it; `eventId` is the same on every
 * repetition. `RecallRefused` answers a recall that came after loading; `MissionRefused` gives the cause in `reason`.
 */
export const FlightEvent = z.strictObject({
  eventId: Id,
  kind: FlightEventKind,
  droneId: Id,
  deliveryId: Id,
  missionId: Id,
  fence: z.number().int().positive(),
  time: Time,
  position: Position,
  battery: z.number().min(0).max(1),
  reason: z.string().max(500).optional(),
});
export type FlightEvent = z.infer<typeof FlightEvent>;

/** drone → tracking. `hello` comes first; a drone repeats an event until it is acknowledged. */
export const DroneFrame = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    boot: z.string().max(40),
    newestFence: z.number().int().nonnegative(),
  }),
  z.strictObject({ type: z.literal('telemetry'), samples: z.array(Telemetry).min(1).max(100) }),
  z.strictObject({ type: z.literal('event'), event: FlightEvent }),
  /** The drone has received the command and decided on it; a flight event reports the decision. */
  z.strictObject({ type: z.literal('received'), commandId: Id }),
]);
export type DroneFrame = z.infer<typeof DroneFrame>;

/** tracking → drone. A command is repeated until `received`; `ack` means that Event Hubs has the event. */
export const ToDroneFrame = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('command'), command: DroneCommand }),
  z.strictObject({ type: z.literal('ack'), eventId: Id }),
  /** `eventId`: the event that was refused. An event refused as `stale` must not be repeated. */
  z.strictObject({
    type: z.literal('error'),
    code: z.string(),
    detail: z.string(),
    eventId: Id.optional(),
  }),
]);
export type ToDroneFrame = z.infer<typeof ToDroneFrame>;

/** A decimated sample on the hub `drone-telemetry`, with the ETA that tracking computed for the mission under way. */
export const TelemetryRecord = z.strictObject({
  ...Telemetry.shape,
  pickupEta: Eta.optional(),
  deliveryEta: Eta.optional(),
});
export type TelemetryRecord = z.infer<typeof TelemetryRecord>;

/**
 * tracking → a watcher of one delivery, as SSE `data:` or WebSocket text. The snapshot comes first. `sequence` is the
 * delivery's own count of events: SSE's `id:`. A WebSocket watcher that reconnects sends it as `?lastEventId=`.
 */
export const WatchFrame = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('snapshot'),
    deliveryId: Id,
    stage: z.string(),
    sequence: z.number().int().optional(),
    pickup: Position.optional(),
    dropoff: Position.optional(),
    base: Position.optional(),
    position: z.lazy(() => WatchPosition).optional(),
  }),
  z.strictObject({ type: z.literal('position'), position: z.lazy(() => WatchPosition) }),
  z.strictObject({
    type: z.literal('stage'),
    stage: z.string(),
    sequence: z.number().int().optional(),
    at: Time,
  }),
  z.strictObject({ type: z.literal('link'), state: z.enum(['live', 'lost']), at: Time }),
  z.strictObject({
    type: z.literal('end'),
    stage: z.string(),
    sequence: z.number().int().optional(),
    at: Time,
  }),
]);
export type WatchFrame = z.infer<typeof WatchFrame>;

/** Position as a customer sees it. `age` is the sample's age at sending, ms. */
export const WatchPosition = z.strictObject({
  time: Time,
  age: z.number(),
  position: Position,
  velocity: z.strictObject({ north: z.number(), east: z.number(), up: z.number() }),
  heading: z.number(),
  leg: FlightLeg,
  loaded: z.boolean(),
  pickupEta: Eta.optional(),
  deliveryEta: Eta.optional(),
});
export type WatchPosition = z.infer<typeof WatchPosition>;

/** tracking → an operator's map. */
export const FleetFrame = z.strictObject({
  type: z.literal('fleet'),
  drones: z.array(
    z.strictObject({
      droneId: Id,
      time: Time,
      position: Position,
      heading: z.number(),
      battery: z.number(),
      flightMode: DroneFlightMode,
      leg: FlightLeg,
      deliveryId: Id.optional(),
      link: z.enum(['live', 'lost']),
    }),
  ),
});
export type FleetFrame = z.infer<typeof FleetFrame>;
