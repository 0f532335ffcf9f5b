/**
 * Finds reservations, quota holds and carriers' bookings that have outlived their workflow. They are released after a grace
 * period; if that does not help, an operator is alerted.
 */
import { listHolds, releaseQuota } from '../../shared/contracts/accounts.ts';
import { type Drone, listDrones, releaseDrone } from '../../shared/contracts/drones.ts';
import type { Outcome } from '../../shared/contracts/outcome.ts';
import { cancelCarrier, listBookings } from '../../shared/contracts/third-party.ts';
import { getWorkflow } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import { ORPHAN_GRACE_ROUNDS, TELL_ROUNDS } from './domain.ts';
import { count, guarded, type RoundDeps, watchKey } from './watching.ts';

const PAGE_SIZE = 500;
/** A hold or a booking younger than this belongs to a workflow that has just begun, or is just ending, ms. */
const LEAST_AGE_MS = 60_000;

export async function checkReservations(deps: RoundDeps): Promise<ReadonlySet<string>> {
  const { call, log } = deps.services;
  const seen = new Set<string>();
  for (const { id: droneId, reservedFor: deliveryId } of await reservedDrones(call)) {
    if (deliveryId === undefined) continue;
    const watch = { id: `watch-orphan-${droneId}`, deliveryId, mark: droneId };
    await guarded(deliveryId, deps, async () => {
      if ((await stateOf(deliveryId, deps)) === 'under way') return;
      seen.add(watchKey(watch));
      const rounds = await count(watch, deps);
      if (rounds === undefined || rounds <= ORPHAN_GRACE_ROUNDS) return;
      log.warn({ deliveryId, droneId, rounds }, 'a reservation has outlived its workflow');
      await call(releaseDrone, { params: { deliveryId } });
      if (rounds < TELL_ROUNDS) return;
      const detail = `${droneId} stays reserved, though the workflow has ended`;
      await deps.recordItem({ deliveryId, kind: 'OrphanReservation', step: 'reserveDrone', detail });
    });
  }
  return seen;
}

export async function checkHolds(deps: RoundDeps): Promise<ReadonlySet<string>> {
  const { call, log } = deps.services;
  const { body } = await call(listHolds, { query: { before: youngest(deps) } });
  const seen = new Set<string>();
  for (const { accountId, deliveryId } of body.holds) {
    const watch = { id: 'watch-hold', deliveryId, mark: accountId };
    await guarded(deliveryId, deps, async () => {
      const state = await stateOf(deliveryId, deps);
      if (state === 'under way') return;
      seen.add(watchKey(watch));
      const rounds = await count(watch, deps);
      if (rounds === undefined || rounds <= ORPHAN_GRACE_ROUNDS) return;
      log.warn({ deliveryId, accountId, rounds }, 'a quota hold has outlived its workflow');
      const query = { settled: state === 'completed' ? 'true' : 'false' } as const;
      await call(releaseQuota, { params: { accountId, deliveryId }, query, accountId });
      if (rounds < TELL_ROUNDS) return;
      const detail = `${accountId} still has quota held, though the workflow has ended`;
      await deps.recordItem({ deliveryId, kind: 'OrphanHold', step: 'holdQuota', detail });
    });
  }
  return seen;
}

/** A parcel that the carrier has collected cannot be called back: an operator is alerted. */
export async function checkBookings(deps: RoundDeps): Promise<ReadonlySet<string>> {
  const { call, log } = deps.services;
  const { body } = await call(listBookings, { query: { before: youngest(deps) } });
  const seen = new Set<string>();
  for (const { deliveryId, accountId, carrierId, hasParcel } of body.bookings) {
    const watch = { id: 'watch-booking', deliveryId, mark: carrierId };
    await guarded(deliveryId, deps, async () => {
      if ((await stateOf(deliveryId, deps)) === 'under way') return;
      seen.add(watchKey(watch));
      const rounds = await count(watch, deps);
      if (rounds === undefined || rounds <= ORPHAN_GRACE_ROUNDS) return;
      log.warn({ deliveryId, carrierId, rounds }, 'a booking has outlived its workflow');
      const isLost = hasParcel || !(await isCancelled(deliveryId, accountId, call));
      if (!isLost && rounds < TELL_ROUNDS) return;
      const detail = isLost
        ? `${carrierId} has the parcel, though the workflow has ended`
        : `${carrierId} stays booked, though the workflow has ended`;
      await deps.recordItem({ deliveryId, kind: 'OrphanBooking', step: 'bookCarrier', detail });
    });
  }
  return seen;
}

/** False when the carrier has collected meanwhile. */
async function isCancelled(
  deliveryId: string,
  accountId: string,
  call: RoundDeps['services']['call'],
): Promise<boolean> {
  try {
    await call(cancelCarrier, { params: { deliveryId }, accountId });
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'package_on_board') return false;
    throw error;
  }
}

function youngest({ services }: RoundDeps): string {
  return new Date(services.now().getTime() - LEAST_AGE_MS).toISOString();
}

/** If a workflow cannot be read, the error is passed on and nothing is released. */
async function stateOf(
  deliveryId: string,
  { services }: RoundDeps,
): Promise<'under way' | 'unknown' | Outcome['kind']> {
  try {
    const { body } = await services.call(getWorkflow, { params: { deliveryId } });
    return body.outcome?.kind ?? 'under way';
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return 'unknown';
    throw error;
  }
}

async function reservedDrones(call: RoundDeps['services']['call']): Promise<readonly Drone[]> {
  const drones: Drone[] = [];
  let continuation: string | undefined;
  do {
    const { body } = await call(listDrones, {
      query: { limit: PAGE_SIZE, reserved: 'true', ...(continuation ? { continuation } : {}) },
    });
    drones.push(...body.drones);
    ({ continuation } = body);
  } while (continuation);
  return drones;
}
