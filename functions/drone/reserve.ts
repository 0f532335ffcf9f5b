/**
 * Reserving a drone: the intent first, then the conditional write on the drone, then the intent confirmed. A retry reads
 * the intent and goes on, so one delivery never gets two drones.
 */
import type { z } from 'zod';
import type { Reservation, ReserveBody, reserveDrone } from '../../shared/contracts/drones.ts';
import type { Stored } from '../../shared/cosmos/store.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { AppError } from '../../shared/http/problem.ts';
import type { ServiceDeps } from '../../shared/http/service.ts';
import { type Candidate, choose } from './domain.ts';
import type { DroneRepository } from './repository.ts';
import type { JobDocument } from './schemas.ts';

type Request = z.output<typeof ReserveBody>;

const WON: ReadonlySet<JobDocument['status']> = new Set(['Reserved', 'Dispatched', 'Accepted', 'Recalled']);

/** Two calls for one delivery at the same moment: the loser looks again. */
const RACE_ATTEMPTS = 5;

export function createReserve(repository: DroneRepository, deps: ServiceDeps): Handler<typeof reserveDrone> {
  return async ({ params, body }) => {
    for (let round = 1; ; round++) {
      try {
        const job = await reserve(params.deliveryId, body, repository, deps);
        return { status: 200, body: reservationOf(job) };
      } catch (error) {
        const race =
          error instanceof AppError && (error.code === 'etag_mismatch' || error.code === 'already_exists');
        if (!race || round >= RACE_ATTEMPTS) throw error;
      }
    }
  };
}

async function reserve(
  deliveryId: string,
  request: Request,
  repository: DroneRepository,
  deps: ServiceDeps,
): Promise<JobDocument> {
  const known = await repository.job(deliveryId);
  if (known && known.item.generation > request.generation) throw stale();
  if (known && known.item.generation === request.generation) {
    if (WON.has(known.item.status)) return known.item;
    if (known.item.status === 'Released') throw stale();
    const settled = await settleIntent(known, repository, deps);
    if (settled) return settled;
  }
  const job = await win(deliveryId, request, repository, deps);
  if (known && known.item.generation < request.generation && known.item.droneId !== job.droneId) {
    await repository.free(known.item.droneId, deliveryId, known.item.generation);
  }
  return job;
}

/** The intent that an interrupted call left: was the drone held for it? */
async function settleIntent(
  known: Stored<JobDocument>,
  repository: DroneRepository,
  deps: ServiceDeps,
): Promise<JobDocument | undefined> {
  const { droneId, deliveryId, generation } = known.item;
  const hold = (await repository.registry(droneId))?.item.hold;
  if (hold?.deliveryId !== deliveryId || hold.generation !== generation) return undefined;
  return confirm(
    deliveryId,
    { ...known.item, fence: hold.fence, leaseUntil: hold.until ?? known.item.leaseUntil },
    repository,
    deps,
  );
}

async function win(
  deliveryId: string,
  request: Request,
  repository: DroneRepository,
  deps: ServiceDeps,
): Promise<JobDocument> {
  const now = deps.now();
  const context = { now, timeScale: deps.settings.TIME_SCALE };
  const fleet = await repository.fleet();
  const { candidates, refusals } = choose(fleet, request, context);
  for (const candidate of candidates) {
    const job = intentOf(deliveryId, request, candidate, deps);
    await repository.saveJob(job, (await repository.job(deliveryId))?.etag);
    const hold = { deliveryId, generation: request.generation, fence: job.fence, until: job.leaseUntil };
    if (await repository.hold(candidate.droneId, candidate.fence, hold, now)) {
      return confirm(deliveryId, job, repository, deps);
    }
  }
  const reasons = [
    ...refusals,
    ...candidates.map(({ droneId }) => ({ droneId, reasons: ['was taken meanwhile'] })),
  ];
  throw new AppError('no_feasible_drone', 'no drone can fly this delivery now', { facts: { reasons } });
}

function intentOf(
  deliveryId: string,
  request: Request,
  candidate: Candidate,
  deps: ServiceDeps,
): JobDocument {
  const now = deps.now();
  return {
    id: 'job',
    type: 'job',
    deliveryId,
    request,
    generation: request.generation,
    status: 'Intended',
    droneId: candidate.droneId,
    fence: candidate.fence + 1,
    missionId: `${deliveryId}-m${request.generation}`,
    leaseUntil: new Date(now.getTime() + deps.settings.RESERVATION_LEASE_SECONDS * 1000).toISOString(),
    pickupEta: candidate.pickupEta,
    deliveryEta: candidate.deliveryEta,
    assignedAt: now.toISOString(),
  };
}

async function confirm(
  deliveryId: string,
  job: JobDocument,
  repository: DroneRepository,
  deps: ServiceDeps,
): Promise<JobDocument> {
  const confirmed: JobDocument = { ...job, status: 'Reserved' };
  const current = await repository.job(deliveryId);
  if (current && current.item.generation === job.generation && WON.has(current.item.status))
    return current.item;
  if (!current || current.item.generation !== job.generation || current.item.droneId !== job.droneId) {
    await repository.free(job.droneId, deliveryId, job.generation);
    throw new AppError('etag_mismatch', 'another call reserved meanwhile');
  }
  await repository.saveJob(confirmed, current.etag);
  deps.log.info({ deliveryId, droneId: job.droneId, fence: job.fence }, 'drone reserved');
  return confirmed;
}

function reservationOf(job: JobDocument): Reservation {
  const { deliveryId, droneId, missionId, fence, leaseUntil, pickupEta, deliveryEta } = job;
  return { deliveryId, droneId, missionId, fence, leaseUntil, pickupEta, deliveryEta };
}

function stale(): AppError {
  return new AppError('stale', 'this generation of the delivery is over');
}
