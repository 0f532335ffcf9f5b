/** Which drone can, and which should: feasibility in words, and the least cost. Pure. */
import type { Eta, Position } from '../../shared/contracts/common.ts';
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

export interface Refusal {
  readonly droneId: string;
  readonly reasons: readonly string[];
}

export interface Choice {
  /** The best first. */
  readonly candidates: readonly Candidate[];
  readonly refusals: readonly Refusal[];
}

/** A drone that was not heard for so long does not count as there, ms. */
const SILENCE_MS = 30_000;

/** What a second of lateness is worth against a watt-hour, and a battery's wear, in cost units. */
const COST_PER_SECOND = 1;
const COST_PER_WATT_HOUR = 0.5;
const COST_OF_EMPTY_BATTERY = 60;

export interface ChoiceContext {
  readonly now: Date;
  readonly timeScale: number;
}

export function choose(fleet: readonly FleetDrone[], task: Task, context: ChoiceContext): Choice {
  const candidates: Candidate[] = [];
  const refusals: Refusal[] = [];
  for (const drone of fleet) {
    const verdict = consider(drone, task, context);
    if ('cost' in verdict) candidates.push(verdict);
    else refusals.push(verdict);
  }
  return { candidates: candidates.toSorted((a, b) => a.cost - b.cost), refusals };
}

function consider(
  { registry, state }: FleetDrone,
  task: Task,
  { now, timeScale }: ChoiceContext,
): Candidate | Refusal {
  const { droneId, performance, base } = registry;
  const busy = unavailable(registry, state, task, now);
  if (busy.length > 0 || !state) return { droneId, reasons: busy };
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
  if (!plan.feasible) return { droneId, reasons: plan.reasons };
  const mission = { pickup, dropoff, payload, performance };
  const times = remaining({ mission, position: state.position, leg: 'ToPickup', loaded: false, timeScale });
  if (!times.toPickup || !times.toDropoff) return { droneId, reasons: ['no flight plan'] };
  const deliveryEta = etaFrom(now, times.toDropoff.seconds, times.toDropoff);
  if (task.deadline && deliveryEta.at > new Date(task.deadline).toISOString()) {
    return { droneId, reasons: [`would arrive at ${deliveryEta.at}, after the deadline`] };
  }
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

function unavailable(
  registry: RegistryDocument,
  state: StateDocument | undefined,
  task: Task,
  now: Date,
): string[] {
  const reasons: string[] = [];
  if (task.exclude.includes(registry.droneId)) reasons.push('was tried for this delivery already');
  if (registry.health !== 'Ok') reasons.push('is in maintenance');
  if (!registry.acceptsMissions) reasons.push('takes no missions');
  if (isHeld(registry, now)) reasons.push('is reserved for another delivery');
  if (!state) return [...reasons, 'was never heard'];
  const silence = now.getTime() - Date.parse(state.time);
  if (silence > SILENCE_MS) reasons.push(`was not heard for ${Math.round(silence / 1000)} s`);
  if (state.leg !== 'Idle') reasons.push('is in flight');
  return reasons;
}

export function isHeld(registry: RegistryDocument, now: Date): boolean {
  const { hold } = registry;
  return hold !== null && (hold.until === null || hold.until > now.toISOString());
}

/** Later of the same start of the drone, or of a later start. */
export function isNewer(
  sample: { boot: string; seq: number; time: string },
  known: StateDocument | undefined,
): boolean {
  if (!known) return true;
  return sample.boot === known.boot
    ? sample.seq > known.seq
    : Date.parse(sample.time) > Date.parse(known.time);
}

/** What a job has come to, its earlier drones included. `odometer`: of the drone that has it now, m. */
export function spentBy(job: JobDocument, odometer: number, now: Date): Spent {
  const { metres, ms } = job.spent ?? { metres: 0, ms: 0 };
  if (job.status === 'Intended' || job.status === 'Released') return { metres, ms };
  const flown = job.odometerAtStart === undefined ? 0 : Math.max(0, odometer - job.odometerAtStart);
  return { metres: metres + flown, ms: ms + Math.max(0, now.getTime() - Date.parse(job.assignedAt)) };
}
