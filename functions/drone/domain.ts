/** Finds the available drones that can fly a delivery, and orders them by cost. Pure. */
import type { Eta, PackageSize, Position } from '../../shared/contracts/common.ts';
import type { RefusalGroup } from '../../shared/contracts/drones.ts';
import { etaFrom, remaining } from '../../shared/geo/eta.ts';
import { planFlight } from '../../shared/geo/flight-plan.ts';
import type { AvailableDrone, JobDocument, Spent } from './schemas.ts';

export interface Task {
  readonly pickup: Position;
  readonly dropoff: Position;
  /** kg */
  readonly weight: number;
  readonly size: PackageSize;
  readonly deadline?: string | undefined;
  readonly exclude: readonly string[];
}

export interface Candidate {
  readonly droneId: string;
  readonly fence: number;
  readonly cost: number;
  readonly distance: number;
  readonly pickupEta: Eta;
  readonly deliveryEta: Eta;
}

export type RefusalCode = RefusalGroup['code'];

/** How many of the drones that a search looked at cannot fly the delivery, by code. */
export type Tally = Map<RefusalCode, number>;

export interface Choice {
  /** The cheapest first. */
  readonly candidates: readonly Candidate[];
  /** Why the others cannot, a code for each. */
  readonly refused: readonly RefusalCode[];
}

/** Weights of a second until the delivery, of a watt-hour and of a battery's wear, in cost units. */
const COST_PER_SECOND = 1;
const COST_PER_WATT_HOUR = 0.5;
const COST_OF_EMPTY_BATTERY = 60;

export interface ChoiceContext {
  readonly now: Date;
  readonly timeScale: number;
}

export function choose(drones: readonly AvailableDrone[], task: Task, context: ChoiceContext): Choice {
  const candidates: Candidate[] = [];
  const refused: RefusalCode[] = [];
  for (const drone of drones) {
    const verdict = consider(drone, task, context);
    if (typeof verdict === 'string') refused.push(verdict);
    else candidates.push(verdict);
  }
  return { candidates: candidates.toSorted((a, b) => a.cost - b.cost), refused };
}

function consider(
  drone: AvailableDrone,
  task: Task,
  { now, timeScale }: ChoiceContext,
): Candidate | RefusalCode {
  const { id: droneId, fence, performance, base, position, battery } = drone;
  const { pickup, dropoff, weight: payload } = task;
  const refusal = unsuitable(drone.bay, performance.maxPayload, task);
  if (refusal) return refusal;
  if (task.exclude.includes(droneId)) return 'tried_before';
  const plan = planFlight({
    from: position,
    pickup,
    dropoff,
    base: base.position,
    payload,
    performance,
    battery,
  });
  const mission = { pickup, dropoff, payload, performance };
  const times = remaining({ mission, position, leg: 'ToPickup', loaded: false, timeScale });
  if (!plan.feasible || !times.toPickup || !times.toDropoff) return 'out_of_range';
  const deliveryEta = etaFrom(now, times.toDropoff.seconds, times.toDropoff);
  if (task.deadline && deliveryEta.at > new Date(task.deadline).toISOString()) return 'too_late';
  const wear = COST_OF_EMPTY_BATTERY * (1 - plan.batteryAfter) ** 2;
  return {
    droneId,
    fence,
    cost: COST_PER_SECOND * plan.toDropoff + COST_PER_WATT_HOUR * plan.energy + wear,
    distance: plan.distance,
    pickupEta: etaFrom(now, times.toPickup.seconds, times.toPickup),
    deliveryEta,
  };
}

/** From small to large. */
const SIZES: readonly PackageSize[] = ['Small', 'Medium', 'Large'];

export const rankOf = (size: PackageSize): number => SIZES.indexOf(size);

/** Reasons that do not depend on the drone's state: the package does not fit, or is too heavy. */
export function unsuitable(
  bay: number,
  maxPayload: number,
  { size, weight }: Pick<Task, 'size' | 'weight'>,
): 'too_large' | 'too_heavy' | undefined {
  if (rankOf(size) > bay) return 'too_large';
  return weight > maxPayload ? 'too_heavy' : undefined;
}

/** Sums metres and time of a job, including its earlier drones. @param odometer of its current drone, m */
export function spentBy(job: JobDocument, odometer: number, now: Date): Spent {
  const { metres, ms } = job.spent ?? { metres: 0, ms: 0 };
  if (job.status === 'Intended' || job.status === 'Released') return { metres, ms };
  const flown = job.odometerAtStart === undefined ? 0 : Math.max(0, odometer - job.odometerAtStart);
  return { metres: metres + flown, ms: ms + Math.max(0, now.getTime() - Date.parse(job.assignedAt)) };
}
