/** Counts each sighting of a round once, and keeps a failure with one delivery from affecting the others. */
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { sighted } from './domain.ts';
import type { SupervisorRepository } from './repository.ts';
import type { WatchDocument } from './schemas.ts';
import type { Recorder } from './work-items.ts';

export interface RoundDeps {
  readonly repository: SupervisorRepository;
  readonly recordItem: Recorder;
  readonly services: ServiceDeps;
}

/** The number of sightings so far; undefined if another round has counted this one. */
export async function count(
  seen: Pick<WatchDocument, 'id' | 'deliveryId' | 'mark'>,
  { repository, services }: RoundDeps,
): Promise<number | undefined> {
  const known = await repository.watch(seen.deliveryId, seen.id);
  const next = sighted(known?.item, seen, services.now());
  return next && (await repository.saveWatch(next, known?.etag)) ? next.rounds : undefined;
}

export function watchKey({ deliveryId, id }: Pick<WatchDocument, 'deliveryId' | 'id'>): string {
  return `${deliveryId}/${id}`;
}

/** A workflow that has ended meanwhile needs no action. */
export async function guarded(deliveryId: string, deps: RoundDeps, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const ended = error instanceof AppError && (error.code === 'conflict' || error.code === 'not_found');
    deps.services.log[ended ? 'debug' : 'warn']({ deliveryId, err: error }, 'the supervisor could not act');
  }
}
