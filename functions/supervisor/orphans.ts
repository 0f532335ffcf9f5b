/** Reservations that have outlived their workflow: released after a grace, told to an operator when that does not help. */
import { type Drone, listDrones, releaseDrone } from '../../shared/contracts/drones.ts';
import { getWorkflow } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import { ORPHAN_GRACE_ROUNDS, TELL_ROUNDS } from './domain.ts';
import { count, guarded, type RoundDeps, watchKey } from './watching.ts';

const PAGE_SIZE = 500;

export async function checkReservations(deps: RoundDeps): Promise<ReadonlySet<string>> {
  const { call, log } = deps.services;
  const seen = new Set<string>();
  for (const { id: droneId, reservedFor: deliveryId } of await wholeFleet(call)) {
    if (deliveryId === undefined) continue;
    const watch = { id: `watch-orphan-${droneId}`, deliveryId, mark: droneId };
    await guarded(deliveryId, deps, async () => {
      if (await isUnderWay(deliveryId, deps)) return;
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

/** A workflow that cannot be asked about counts as under way: the error goes on, and nothing is released. */
async function isUnderWay(deliveryId: string, { services }: RoundDeps): Promise<boolean> {
  try {
    const { body } = await services.call(getWorkflow, { params: { deliveryId } });
    return body.outcome === undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return false;
    throw error;
  }
}

async function wholeFleet(call: RoundDeps['services']['call']): Promise<readonly Drone[]> {
  const drones: Drone[] = [];
  let continuation: string | undefined;
  do {
    const { body } = await call(listDrones, {
      query: { limit: PAGE_SIZE, ...(continuation ? { continuation } : {}) },
    });
    drones.push(...body.drones);
    ({ continuation } = body);
  } while (continuation);
  return drones;
}
