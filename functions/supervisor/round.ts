/**
 * The supervisor's round. It does no step of a delivery itself: it asks the scheduler to wake or to compensate, and tells an
 * operator what does not get on. It may run twice at once: what one has counted, the other passes over.
 */
import { checkBookings, checkHolds, checkReservations } from './orphans.ts';
import { checkOverdue } from './overdue.ts';
import { type RoundDeps, watchKey } from './watching.ts';

/** Longer than two rounds at one time lie apart, ms. */
const FORGET_MS = 10_000;

/** Rejects when workflows, reservations, holds or bookings could not be listed; the others are done all the same. */
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

/** What is no longer seen is forgotten, so that it begins at one when it comes again. */
async function forget(seen: ReadonlySet<string>, { repository, services }: RoundDeps): Promise<void> {
  for (const watch of await repository.watches()) {
    const recent = services.now().getTime() - Date.parse(watch.lastAt) < FORGET_MS;
    if (!seen.has(watchKey(watch)) && !recent) await repository.removeWatch(watch);
  }
}
