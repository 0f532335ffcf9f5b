/** A flight, as the workflow follows it: mission, acceptance, pickup (the pivot), dropoff; cancel, reschedule and loss on the way. */
import type { Eta } from '../../shared/contracts/common.ts';
import { type Signal, StepFailed, type Story } from '../../shared/saga/saga.ts';
import { Cancelled, Returned } from './endings.ts';
import type { Assignment } from './schemas.ts';
import type { Tale } from './tale.ts';
import { reasonIn, refuse } from './wishes.ts';

/** What a new plan begins with: another drone, or other wishes. */
export interface Change {
  readonly exclude?: string;
  readonly request?: Readonly<Record<string, unknown>>;
  readonly reschedule?: 'rescheduled';
}

export type FlightEnd = { readonly end: 'delivered' } | { readonly end: 'another'; readonly change: Change };

/** A recall that nobody answers is given up after so many questions: the fence keeps the old mission from counting. */
const RECALL_ATTEMPTS = 3;

/** Before a drone is assigned: a cancel ends it, a reschedule changes the wishes. */
export function* heed(tale: Tale): Story<void> {
  for (;;) {
    if (tale.pick(({ kind }) => kind === 'cancel')) {
      yield* tale.step('note', { cancel: 'requested' });
      throw new Cancelled();
    }
    const change = tale.pick(({ kind }) => kind === 'reschedule');
    if (!change) return;
    yield* tale.replan({ request: change.facts, reschedule: 'rescheduled' });
  }
}

export function* fly(tale: Tale, drone: Assignment): Story<FlightEnd> {
  const another: FlightEnd = { end: 'another', change: drone.droneId ? { exclude: drone.droneId } : {} };
  if (!(yield* stillOurs(tale, 'dispatchDrone'))) return another;
  const answer = yield* mine(tale, drone, tale.after(tale.limits.missionAnswer), [
    'MissionAccepted',
    'MissionRefused',
  ]);
  if (answer?.kind !== 'MissionAccepted') {
    if (!answer) yield* callBack(tale, drone, 'no answer to the mission');
    return another;
  }
  if (!(yield* stillOurs(tale, 'confirmMission'))) return another;
  const before = yield* toPickup(tale, drone);
  if (before) return before;
  return yield* toDropoff(tale, drone);
}

/** False when the reservation ran out meanwhile, and the drone may be somebody else's. */
function* stillOurs(tale: Tale, step: 'dispatchDrone' | 'confirmMission'): Story<boolean> {
  try {
    yield* tale.step(step);
    return true;
  } catch (error) {
    if (error instanceof StepFailed && error.failure.code === 'stale') return false;
    throw error;
  }
}

/** Undefined once the package is on board. */
function* toPickup(tale: Tale, drone: Assignment): Story<FlightEnd | undefined> {
  let until = deadline(tale, drone.pickupEta, tale.limits.pickupGrace);
  const another: FlightEnd = { end: 'another', change: drone.droneId ? { exclude: drone.droneId } : {} };
  for (;;) {
    const signal: Signal | undefined = yield* tale.next(until);
    if (!signal) {
      if ((yield* callBack(tale, drone, 'the pickup is overdue')) === 'recalled') return another;
      until = tale.after(tale.limits.pickupGrace);
      continue;
    }
    if (!concerns(signal, drone)) continue;
    switch (signal.kind) {
      case 'TookOff':
        yield* tale.step('moveStage', stage('HeadedToPickup', signal));
        break;
      case 'PickedUp':
        yield* tale.step('pickUp', stage('HeadedToDropoff', signal));
        return undefined;
      case 'cancel':
        yield* tale.step('note', { cancel: 'requested' });
        if ((yield* callBack(tale, drone, 'cancelled by the customer')) === 'recalled') throw new Cancelled();
        yield* refuse(tale, signal);
        break;
      case 'reschedule':
        yield* tale.step('note', { reschedule: 'requested' });
        if ((yield* callBack(tale, drone, 'rescheduled by the customer')) === 'recalled') {
          return { end: 'another', change: { request: signal.facts, reschedule: 'rescheduled' } };
        }
        yield* refuse(tale, signal);
        break;
      case 'Aborted':
      case 'Recalled':
      case 'Returned':
        return another;
      case 'LowBattery':
      case 'LinkLost':
        if ((yield* callBack(tale, drone, `the drone reported ${signal.kind}`)) === 'recalled')
          return another;
        break;
      default:
        break;
    }
  }
}

/** From the pivot on only forward. */
function* toDropoff(tale: Tale, drone: Assignment): Story<FlightEnd> {
  let until: Date | undefined = deadline(tale, drone.deliveryEta, tale.limits.deliveryGrace);
  let returning = false;
  for (;;) {
    const signal: Signal | undefined = yield* tale.next(until);
    if (!signal) {
      until = undefined;
      const detail = 'the delivery is overdue, the drone has the package';
      yield* tale.step('tellOperator', { kind: 'Overdue', step: 'toDropoff', detail });
      continue;
    }
    if (!concerns(signal, drone) || (yield* refuse(tale, signal))) continue;
    switch (signal.kind) {
      case 'Delivered':
        return { end: 'delivered' };
      case 'Aborted':
        if (!returning) yield* tale.step('moveStage', stage('Returning', signal));
        returning = true;
        break;
      case 'Returned':
        throw new Returned(`the drone brought the package back: ${reasonIn(signal, 'aborted')}`);
      default:
        break;
    }
  }
}

/** Settled by the drone: `recalled` when it answered "not loaded", or is silent for too long; `refused` when it is loaded. */
function* callBack(tale: Tale, drone: Assignment, reason: string): Story<'recalled' | 'refused'> {
  for (let asked = 1; asked <= RECALL_ATTEMPTS; asked++) {
    const { sent } = yield* tale.step<{ sent: boolean }>('recallDrone', reason);
    if (!sent) return 'recalled';
    const answers = ['Recalled', 'Returned', 'Aborted', 'RecallRefused', 'PickedUp'];
    const answer = yield* mine(tale, drone, tale.after(tale.limits.recallAnswer), answers);
    if (answer?.kind === 'PickedUp') tale.putBack(answer);
    if (answer) return answer.kind === 'RecallRefused' || answer.kind === 'PickedUp' ? 'refused' : 'recalled';
  }
  const detail = `${drone.droneId} does not answer a recall: ${reason}`;
  yield* tale.step('tellOperator', { kind: 'Overdue', step: 'recallDrone', detail });
  return 'recalled';
}

/** The next of these kinds from this mission; what else comes meanwhile is left for later. */
function mine(
  tale: Tale,
  drone: Assignment,
  until: Date,
  kinds: readonly string[],
): Story<Signal | undefined> {
  return tale.next(until, (signal) => kinds.includes(signal.kind) && concerns(signal, drone));
}

/** Signals of an earlier mission say nothing about this one. */
function concerns(signal: Signal, drone: Assignment): boolean {
  const missionId = signal.facts['missionId'];
  return missionId === undefined || missionId === drone.missionId;
}

function stage(event: string, signal: Signal): Readonly<Record<string, unknown>> {
  const { position, reason } = signal.facts;
  return {
    eventId: signal.eventId,
    event,
    at: signal.at,
    ...(position ? { position } : {}),
    ...(reason ? { reason } : {}),
  };
}

function deadline(tale: Tale, eta: Eta, graceSeconds: number): Date {
  const planned = Date.parse(eta.latest);
  return new Date(Math.max(planned, tale.now().getTime()) + graceSeconds * 1000);
}
