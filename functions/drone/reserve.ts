/**
 * Reserves a drone: stores the intent, writes the drone on a condition, then confirms the intent.
 *
 * R1 A retry reads the intent and goes on, so one generation of a delivery gets one drone.
 * R2 A new generation releases the earlier one's drone before it asks for another (the same one may be the best again);
 *    the earlier generation's release is in the same batch as the new intent.
 * R3 A released job stays released: a late call of its generation gets no drone.
 */
import { checkNamedOwner } from '../../shared/auth/tenancy.ts';
import type { reserveDrone } from '../../shared/contracts/drones.ts';
import type { Stored } from '../../shared/cosmos/store.ts';
import { unlessConflict, withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { type CallMark, callMark, isRepetition, marked } from '../../shared/http/idempotent-call.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { type Candidate, spentBy, type Tally } from './domain.ts';
import { intentOf, overtaken, type ReserveRequest, stale } from './intent.ts';
import { releasedItem } from './messages.ts';
import { createRefusals } from './refusals.ts';
import type { DroneRepository } from './repository.ts';
import type { JobDocument } from './schemas.ts';
import { candidatesFor, givenBack } from './search.ts';
import { reservationOf } from './views.ts';

const WON: ReadonlySet<JobDocument['status']> = new Set(['Reserved', 'Dispatched', 'Accepted', 'Recalled']);

export function createReserve(repository: DroneRepository, deps: ServiceDeps): Handler<typeof reserveDrone> {
  const reservations = createReservations(repository, deps);
  return ({ params, body }, call) =>
    withOptimisticRetry(async () => {
      checkNamedOwner(call.principal, body.owner.accountId, 'body.owner.accountId');
      const job = await reservations.reserve(params.deliveryId, body, callMark(call, body));
      return { status: 200, body: reservationOf(job) };
    });
}

function createReservations(repository: DroneRepository, deps: ServiceDeps) {
  const place = { repository, log: deps.log };
  const refusals = createRefusals({ fleet: repository.fleet, now: deps.now });
  return { reserve };

  async function reserve(
    deliveryId: string,
    request: ReserveRequest,
    mark: CallMark | undefined,
  ): Promise<JobDocument> {
    const known = await repository.job(deliveryId);
    if (known && known.item.request.owner.accountId !== request.owner.accountId) {
      throw new AppError('not_found', 'there is no such delivery');
    }
    isRepetition(known?.item.call, mark);
    if (known && known.item.generation > request.generation) throw stale();
    if (known && known.item.generation < request.generation) {
      await repository.free(known.item.droneId, deliveryId, known.item.generation);
    } else if (known) {
      const { status } = known.item;
      if (status === 'Released') throw stale();
      if (status !== 'Intended' && status !== 'Reserved') return known.item;
      const held = await heldFor(repository, known.item);
      if (held) return status === 'Reserved' ? known.item : confirm(place, held);
    }
    return win(deliveryId, request, known, mark);
  }

  /** Tries the candidates one after the other, cheapest first. The intent for each is stored before its reservation. */
  async function win(
    deliveryId: string,
    request: ReserveRequest,
    known: Stored<JobDocument> | undefined,
    mark: CallMark | undefined,
  ): Promise<JobDocument> {
    const now = deps.now();
    const context = { now, timeScale: deps.settings.TIME_SCALE };
    const tally: Tally = new Map();
    const search = {
      task: request,
      context,
      tally,
      lately: await givenBack(request, known?.item, repository),
    };
    let current = known;
    for await (const candidate of candidatesFor(search, { ...repository, refusals })) {
      const { job, etag } = await intend(deliveryId, request, candidate, current, mark);
      const hold = { deliveryId, generation: request.generation, fence: job.fence, until: job.leaseUntil };
      if (await repository.hold(candidate.droneId, candidate.fence, hold, now))
        return confirm(place, job, etag);
      const held = await heldFor(repository, job);
      if (held) return confirm(place, held);
      current = etag ? { item: job, etag } : await repository.job(deliveryId);
      tally.set('reserved', (tally.get('reserved') ?? 0) + 1);
    }
    const facts = { refusals: await refusals.count(request, tally) };
    deps.log.info({ deliveryId, ...facts }, 'no drone can fly this delivery now');
    throw new AppError('no_feasible_drone', 'no drone can fly this delivery now', { facts });
  }

  async function intend(
    deliveryId: string,
    request: ReserveRequest,
    candidate: Candidate,
    current: Stored<JobDocument> | undefined,
    mark: CallMark | undefined,
  ): Promise<{ job: JobDocument; etag: string | undefined }> {
    const now = deps.now();
    if (current && current.item.generation > request.generation) throw stale();
    if (current && current.item.generation === request.generation && WON.has(current.item.status)) {
      if (current.item.status !== 'Reserved' || (await heldFor(repository, current.item))) throw overtaken();
    }
    const superseded = current && current.item.generation < request.generation ? current.item : undefined;
    const odometer = superseded ? ((await repository.state(superseded.droneId))?.item.odometer ?? 0) : 0;
    const spent = superseded ? spentBy(superseded, odometer, now) : current?.item.spent;
    const job: JobDocument = {
      ...intentOf(deliveryId, request, candidate, now, deps.settings.RESERVATION_LEASE_SECONDS),
      ...(spent ? { spent } : {}),
      ...marked(mark),
    };
    const event = superseded && WON.has(superseded.status) ? [releasedItem(superseded, now)] : [];
    return { job, etag: await repository.saveJob(job, current?.etag, event) };
  }
}

/** The job with its drone's hold; undefined when the drone does not hold for it. */
async function heldFor(repository: DroneRepository, job: JobDocument): Promise<JobDocument | undefined> {
  const hold = (await repository.registry(job.droneId))?.item.hold;
  if (hold?.deliveryId !== job.deliveryId || hold.generation !== job.generation) return undefined;
  return { ...job, fence: hold.fence, leaseUntil: hold.until ?? job.leaseUntil };
}

/** `etag`: that of the intent as this call wrote it; when the intent has changed since, it is read. */
async function confirm(
  { repository, log }: { readonly repository: DroneRepository; readonly log: ServiceDeps['log'] },
  job: JobDocument,
  etag?: string,
): Promise<JobDocument> {
  const { deliveryId, droneId, generation, fence } = job;
  const confirmed: JobDocument = { ...job, status: 'Reserved' };
  const logged = () => {
    log.info({ deliveryId, droneId, fence }, 'drone reserved');
    return confirmed;
  };
  const isConfirmed = etag && (await unlessConflict(() => repository.saveJob(confirmed, etag), 'changed'));
  if (isConfirmed) return logged();
  const current = await repository.job(deliveryId);
  const same = current?.item.generation === generation && current.item.droneId === droneId;
  if (same && WON.has(current.item.status) && current.item.fence === fence) return current.item;
  if (!same || current.item.status !== 'Intended') {
    await repository.free(droneId, deliveryId, generation);
    throw overtaken();
  }
  await repository.saveJob(confirmed, current.etag);
  return logged();
}
