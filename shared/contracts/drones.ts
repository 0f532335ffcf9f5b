/** Drone: the fleet, and the reservation of a drone for a delivery. */
import { z } from 'zod';
import { defineRoute } from '../http/define-route.ts';
import {
  DroneFlightMode,
  decimalText,
  Eta,
  Id,
  integerText,
  Month,
  Owner,
  PackageSize,
  Position,
  Time,
  Weight,
} from './common.ts';
import { Base, FlightLeg, FlightPerformance } from './flight.ts';

export const DroneBody = z.strictObject({
  model: z.string().min(1).max(60),
  performance: FlightPerformance,
  base: Base,
  /** The largest package that fits its cargo bay. */
  cargoBay: PackageSize.default('Large'),
  health: z.enum(['Ok', 'Maintenance']).default('Ok'),
  acceptsMissions: z.boolean().default(true),
});

/** Why drones cannot fly a delivery, most lasting reason first. Each drone counts under the first reason that applies. */
export const REFUSAL_CODES = [
  'too_large',
  'too_heavy',
  'in_maintenance',
  'accepts_no_missions',
  'tried_before',
  'never_heard',
  'silent',
  'reserved',
  'in_flight',
  'out_of_range',
  'too_late',
] as const;
export const RefusalGroup = z.object({ code: z.enum(REFUSAL_CODES), count: z.number().int() });
export type RefusalGroup = z.output<typeof RefusalGroup>;

/** Comes from telemetry; absent until the drone has reported. Live positions are tracking's. */
export const DroneState = z.object({
  time: Time.describe('When the drone was so; live positions are in the stream `/fleet` of tracking'),
  position: Position.describe(
    'As of `time`: stored when the drone has moved by 200 m or has begun another leg, and once a minute',
  ),
  heading: z.number(),
  battery: z.number().describe('As of `time`: stored when it has changed by 5 %, and once a minute'),
  flightMode: DroneFlightMode,
  leg: FlightLeg,
  loaded: z.boolean(),
  deliveryId: Id.optional(),
  pickupEta: Eta.optional(),
  deliveryEta: Eta.optional(),
});
export type DroneState = z.output<typeof DroneState>;

export const Drone = z.object({
  id: Id,
  model: z.string(),
  performance: FlightPerformance,
  base: Base,
  cargoBay: PackageSize,
  health: z.enum(['Ok', 'Maintenance']),
  acceptsMissions: z.boolean(),
  /** The delivery that has the drone now. */
  reservedFor: Id.optional(),
  state: DroneState.optional(),
});
export type Drone = z.output<typeof Drone>;

const staff = ['operator', 'service'] as const;
const droneParams = z.strictObject({ droneId: Id });
const params = z.strictObject({ deliveryId: Id });

export const putDrone = defineRoute({
  service: 'drone',
  operation: 'putDrone',
  method: 'PUT',
  path: 'drones/{droneId}',
  summary:
    'Register a drone, or change its registry entry; `If-None-Match: *` only registers (412 when it is there)',
  auth: ['operator'],
  params: droneParams,
  body: DroneBody,
  versioned: true,
  responses: { 201: Drone, 200: Drone },
});

export const getDrone = defineRoute({
  service: 'drone',
  operation: 'getDrone',
  method: 'GET',
  path: 'drones/{droneId}',
  summary: 'Get a drone with its latest state',
  auth: staff,
  params: droneParams,
  versioned: true,
  responses: { 200: Drone },
});

export const listDrones = defineRoute({
  service: 'drone',
  operation: 'listDrones',
  method: 'GET',
  path: 'drones',
  summary: 'List the drones of the fleet, page by page',
  auth: staff,
  query: z.strictObject({
    limit: integerText(1, 500).default(100),
    reserved: z.literal('true').optional().describe('Only drones that are reserved for a delivery'),
    /** `continuation` of the previous page. */
    continuation: Id.optional(),
  }),
  responses: { 200: z.object({ drones: z.array(Drone), continuation: Id.optional() }) },
});

export const listDronesNearby = defineRoute({
  service: 'drone',
  operation: 'listDronesNearby',
  method: 'GET',
  path: 'drones/nearby',
  summary: 'List the drones within a radius (m), nearest first',
  auth: staff,
  query: z.strictObject({
    lat: decimalText(-90, 90),
    lon: decimalText(-180, 180),
    radius: decimalText(1, 100_000).default(5000),
    limit: integerText(1, 100).default(20),
  }),
  responses: { 200: z.object({ drones: z.array(Drone) }) },
});

export const ReserveBody = z.strictObject({
  deliveryId: Id.optional(),
  owner: Owner,
  generation: z.number().int().positive(),
  pickup: Position,
  dropoff: Position,
  weight: Weight,
  size: PackageSize,
  expedited: z.boolean().default(false),
  deadline: Time.optional(),
  /** Drones that have already refused this delivery. */
  exclude: z.array(Id).max(100).default([]),
});

export const Reservation = z.object({
  deliveryId: Id,
  droneId: Id,
  missionId: Id,
  fence: z.number().int().positive(),
  leaseUntil: Time,
  pickupEta: Eta,
  deliveryEta: Eta,
});
export type Reservation = z.output<typeof Reservation>;

/** Idempotent per delivery and generation. 409 `no_feasible_drone` with the fact `refusals: RefusalGroup[]`; 409 `stale`. */
export const reserveDrone = defineRoute({
  service: 'drone',
  operation: 'reserveDrone',
  method: 'PUT',
  path: 'dronedeliveries/{deliveryId}',
  summary: 'Reserve the cheapest drone that can fly this delivery',
  auth: ['service'],
  params,
  body: ReserveBody,
  responses: { 200: Reservation },
});

/** Succeeds when there is nothing to release; with `fence` only that reservation is released. */
export const releaseDrone = defineRoute({
  service: 'drone',
  operation: 'releaseDrone',
  method: 'DELETE',
  path: 'dronedeliveries/{deliveryId}',
  summary: 'Release the drone of a delivery',
  auth: ['service'],
  params,
  query: z.strictObject({ fence: integerText(1, 999_999_999).optional() }),
  responses: { 204: null },
});

/** Writes the mission and its command in one batch; the change feed publishes the command. Idempotent per mission. */
export const dispatchDrone = defineRoute({
  service: 'drone',
  operation: 'dispatchDrone',
  method: 'PUT',
  path: 'dronedeliveries/{deliveryId}/mission',
  summary: 'Send the reserved drone its mission',
  auth: ['service'],
  params,
  body: z.strictObject({ fence: z.number().int().positive() }),
  responses: { 202: z.object({ missionId: Id, droneId: Id, fence: z.number().int() }) },
});

/** From now on the lease does not expire. */
export const confirmMission = defineRoute({
  service: 'drone',
  operation: 'confirmMission',
  method: 'PUT',
  path: 'dronedeliveries/{deliveryId}/acceptance',
  summary: 'Record that the drone has accepted its mission',
  auth: ['service'],
  params,
  body: z.strictObject({ fence: z.number().int().positive() }),
  responses: { 204: null },
});

/** 202: the command is on its way; `Recalled` or `RecallRefused` will follow. 204: there is no mission to recall. */
export const recallDrone = defineRoute({
  service: 'drone',
  operation: 'recallDrone',
  method: 'PUT',
  path: 'dronedeliveries/{deliveryId}/recall',
  summary: 'Recall the drone of a delivery',
  auth: ['service'],
  params,
  body: z.strictObject({ fence: z.number().int().positive(), reason: z.string().max(200) }),
  responses: { 202: z.object({ missionId: Id, droneId: Id }), 204: null },
});

export const getDroneDelivery = defineRoute({
  service: 'drone',
  operation: 'getDroneDelivery',
  method: 'GET',
  path: 'dronedeliveries/{deliveryId}',
  summary: 'Get the flight job of a delivery with the latest state of its drone',
  auth: staff,
  params,
  responses: {
    200: z.object({
      deliveryId: Id,
      droneId: Id,
      missionId: Id,
      fence: z.number().int(),
      status: z.enum(['Reserved', 'Dispatched', 'Accepted', 'Recalled', 'Released']),
      state: DroneState.optional(),
    }),
  },
});

export const quoteDrone = defineRoute({
  service: 'drone',
  operation: 'quoteDrone',
  method: 'POST',
  path: 'dronedeliveries/quotes',
  summary: 'Ask whether a drone can fly a delivery now',
  auth: ['service'],
  body: z.strictObject({
    pickup: Position,
    dropoff: Position,
    weight: Weight,
    size: PackageSize,
  }),
  responses: {
    200: z.object({
      feasible: z.boolean(),
      /** Present when the delivery is not feasible. */
      refusals: z.array(RefusalGroup),
      distance: z.number().optional(),
      pickupEta: Eta.optional(),
      deliveryEta: Eta.optional(),
    }),
  },
});

export const droneUtilization = defineRoute({
  service: 'drone',
  operation: 'droneUtilization',
  method: 'GET',
  path: 'dronedeliveries/utilization',
  summary: 'Sum the miles flown and hours assigned for an account in a month; 404 when both are 0',
  auth: ['customer', 'account-admin', 'operator', 'service'],
  query: z.strictObject({
    ownerId: Id,
    ...Month,
  }),
  responses: { 200: z.object({ traveledMiles: z.number(), assignedHours: z.number() }) },
});
