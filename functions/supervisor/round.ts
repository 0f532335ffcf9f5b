/**
 * Runs the supervisor's round. It does no step of a delivery itself: it asks the scheduler to wake or to compensate, and
 * alerts an operator when there is no progress. Two rounds may run at once: each skips what the other has counted.
 */
import { checkBookings, checkHolds, checkReservations } from './orphans.ts';
import { checkOverdue } from './overdue.ts';
import { type RoundDeps, watchKey } from './watching.ts';

/** Longer than the time between two rounds that run at once, ms. */
const FORGET_MS = 10_000;

/** Rejects when workflows, reservations, holds or bookings could not be listed; the others are still handled. */
export async function superviseOnce(deps: RoundDeps): Promise<void> {
  const results = await Promise.allSettled([
    checkOverdue(deps),
    checkReservations(deps),
    checkHolds(deps),
    checkBookings(deps),
  ]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  const seen = results.flatMap((result) => (result.status === 'fulfilled' ? [...result.value] : []));
  await forget(new Set(seen), deps);
}

/** Deletes the watches of what is no longer overdue, so that a recurrence is counted from one. */
async function forget(seen: ReadonlySet<string>, { repository, services }: RoundDeps): Promise<void> {
  for (const watch of await repository.watches()) {
    const recent = services.now().getTime() - Date.parse(watch.lastAt) < FORGET_MS;
    if (!seen.has(watchKey(watch)) && !recent) await repository.removeWatch(watch);
  }
}
