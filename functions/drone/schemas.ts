/** The items of the containers `drones` (partition: drone), `availableDrones` (cell) and `droneDeliveries` (delivery). */

import type { z } from 'zod';
import type { Eta, PackageSize, Position } from '../../shared/contracts/common.ts';
import type { DroneBody, DroneState, ReserveBody } from '../../shared/contracts/drones.ts';
import type { Mission } from '../../shared/contracts/flight.ts';
import type { CallMark } from '../../shared/http/idempotent-call.ts';

export interface Hold {
  readonly deliveryId: string;
  readonly generation: number;
  readonly fence: number;
  /** End of the lease; null once the mission is accepted: then only a release ends the reservation. */
  readonly until: string | null;
}

/** Registry entry and reservation. Position and battery are another item, so telemetry never conflicts with a reservation. */
export interface RegistryDocument extends Omit<z.output<typeof DroneBody>, 'cargoBay'> {
  readonly id: 'registry';
  readonly type: 'registry';
  readonly droneId: string;
  /** Absent in old entries, where it means `Large`. */
  readonly cargoBay?: PackageSize;
  readonly hold: Hold | null;
  /** Grows with every reservation; commands carry it. */
  readonly fence: number;
}

export interface StateDocument extends DroneState {
  readonly id: 'state';
  readonly type: 'state';
  readonly droneId: string;
  readonly boot: string;
  readonly seq: number;
  /** m flown, summed from telemetry. */
  readonly odometer: number;
  /** Set by the sweep when the drone has not been heard for too long; the next sample takes it away. */
  readonly silentSince?: string;
}

/** `availableDrones` (partition: cell): a drone that could be reserved now, with what the choice needs to know of it. */
export interface AvailableDrone {
  readonly type: 'available';
  /** The drone's. */
  readonly id: string;
  readonly cell: string;
  /** That of its registry entry: the reservation is conditional on it. */
  readonly fence: number;
  readonly position: Position;
  readonly battery: number;
  readonly base: RegistryDocument['base'];
  readonly performance: RegistryDocument['performance'];
  /** Rank of the largest package that fits, from 0. */
  readonly bay: number;
}

export type JobStatus = 'Intended' | 'Reserved' | 'Dispatched' | 'Accepted' | 'Recalled' | 'Released';

export interface Spent {
  /** m flown */
  readonly metres: number;
  /** ms assigned */
  readonly ms: number;
}

/** The flight job of a delivery. `Intended`: the candidate's reservation may or may not have been written. */
export interface JobDocument {
  readonly id: 'job';
  readonly type: 'job';
  readonly deliveryId: string;
  readonly request: z.output<typeof ReserveBody>;
  readonly generation: number;
  /** The mark of the workflow's call that made this reservation. */
  readonly call?: CallMark;
  readonly status: JobStatus;
  readonly droneId: string;
  readonly fence: number;
  readonly missionId: string;
  readonly leaseUntil: string;
  readonly pickupEta: Eta;
  readonly deliveryEta: Eta;
  readonly mission?: Mission;
  readonly assignedAt: string;
  readonly odometerAtStart?: number;
  /** The totals of this delivery's earlier generations, with other drones. */
  readonly spent?: Spent;
  /** Set at the release. */
  readonly releasedAt?: string;
  readonly month?: string;
  readonly total?: Spent;
}
