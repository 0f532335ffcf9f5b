/** Finds the drones that can fly a delivery, and orders them by cost. Pure. */
import type { Eta, PackageSize, Position } from '../../shared/contracts/common.ts';
import { REFUSAL_CODES, type RefusalGroup } from '../../shared/contracts/drones.ts';
import { etaFrom, remaining } from '../../shared/geo/eta.ts';
import { planFlight } from '../../shared/geo/flight-plan.ts';
import type { JobDocument, RegistryDocument, Spent, StateDocument } from './schemas.ts';

export interface FleetDrone {
  readonly registry: RegistryDocument;
  readonly state: StateDocument | undefined;
}

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

type RefusalCode = RefusalGroup['code'];

export interface Choice {
  /** The cheapest first. */
  readonly candidates: readonly Candidate[];
  /** Number of drones that cannot fly it, by reason: at most one group for each reason. */
  readonly refusals: readonly RefusalGroup[];
}

/** A drone that has been silent for this long is not available, ms. Idle drones are stored once a minute. */
const SILENCE_MS = 90_000;

/** Weights of a second until the delivery, of a watt-hour and of a battery's wear, in cost units. */
const COST_PER_SECOND = 1;
const COST_PER_WATT_HOUR = 0.5;
const COST_OF_EMPTY_BATTERY = 60;

export interface ChoiceContext {
  readonly now: Date;
  readonly timeScale: number;
}

export function choose(fleet: readonly FleetDrone[], task: Task, context: ChoiceContext): Choice {
  const candidates: Candidate[] = [];
  const counts = new Map<RefusalCode, number>();
  for (const drone of fleet) {
    const verdict = consider(drone, task, context);
    if (typeof verdict === 'string') counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    else candidates.push(verdict);
  }
  const refusals = REFUSAL_CODES.flatMap((code) => {
    const count = counts.get(code);
    return count === undefined ? [] : [{ code, count }];
  });
  return { candidates: candidates.toSorted((a, b) => a.cost - b.cost), refusals };
}

function consider(
  { registry, state }: FleetDrone,
  task: Task,
  { now, timeScale }: ChoiceContext,
): Candidate | RefusalCode {
  const refusal = unsuitable(registry, task) ?? unavailable(registry, state, task, now);
  if (refusal) return refusal;
  if (!state) return 'never_heard';
  const { droneId, performance, base } = registry;
  const { pickup, dropoff, weight: payload } = task;
  const plan = planFlight({
    from: state.position,
    pickup,
    dropoff,
    base: base.position,
    payload,
    performance,
    battery: state.battery,
  });
  const mission = { pickup, dropoff, payload, performance };
  const times = remaining({ mission, position: state.position, leg: 'ToPickup', loaded: false, timeScale });
  if (!plan.feasible || !times.toPickup || !times.toDropoff) return 'out_of_range';
  const deliveryEta = etaFrom(now, times.toDropoff.seconds, times.toDropoff);
  if (task.deadline && deliveryEta.at > new Date(task.deadline).toISOString()) return 'too_late';
  const wear = COST_OF_EMPTY_BATTERY * (1 - plan.batteryAfter) ** 2;
  return {
    droneId,
    fence: registry.fence,
    cost: COST_PER_SECOND * plan.toDropoff + COST_PER_WATT_HOUR * plan.energy + wear,
    distance: plan.distance,
    pickupEta: etaFrom(now, times.toPickup.seconds, times.toPickup),
    deliveryEta,
  };
}

/** From small to large. */
const SIZES: readonly PackageSize[] = ['Small', 'Medium', 'Large'];

/** Reasons that do not depend on the drone's state: the package does not fit, or is too heavy. */
function unsuitable(
  { cargoBay = 'Large', performance }: RegistryDocument,
  task: Task,
): RefusalCode | undefined {
  if (SIZES.indexOf(task.size) > SIZES.indexOf(cargoBay)) return 'too_large';
  return task.weight > performance.maxPayload ? 'too_heavy' : undefined;
}

function unavailable(
  registry: RegistryDocument,
  state: StateDocument | undefined,
  task: Task,
  now: Date,
): RefusalCode | undefined {
  if (registry.health !== 'Ok') return 'in_maintenance';
  if (!registry.acceptsMissions) return 'accepts_no_missions';
  if (task.exclude.includes(registry.droneId)) return 'tried_before';
  if (!state) return 'never_heard';
  if (now.getTime() - Date.parse(state.time) > SILENCE_MS) return 'silent';
  if (isHeld(registry, now)) return 'reserved';
  return state.leg === 'Idle' ? undefined : 'in_flight';
}

export function isHeld(registry: RegistryDocument, now: Date): boolean {
  const { hold } = registry;
  return hold !== null && (hold.until === null || hold.until > now.toISOString());
}

/** Sums metres and time of a job, including its earlier drones. @param odometer of its current drone, m */
export function spentBy(job: JobDocument, odometer: number, now: Date): Spent {
  const { metres, ms } = job.spent ?? { metres: 0, ms: 0 };
  if (job.status === 'Intended' || job.status === 'Released') return { metres, ms };
  const flown = job.odometerAtStart === undefined ? 0 : Math.max(0, odometer - job.odometerAtStart);
  return { metres: metres + flown, ms: ms + Math.max(0, now.getTime() - Date.parse(job.assignedAt)) };
}
