/** The intent to reserve a drone. Pure. */
import type { z } from 'zod';
import type { ReserveBody } from '../../shared/contracts/drones.ts';
import { WriteConflict } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { Candidate } from './domain.ts';
import type { JobDocument } from './schemas.ts';

export type ReserveRequest = z.output<typeof ReserveBody>;

export function intentOf(
  deliveryId: string,
  request: ReserveRequest,
  candidate: Candidate,
  now: Date,
  leaseSeconds: number,
): JobDocument {
  const { droneId, fence, pickupEta, deliveryEta } = candidate;
  return {
    id: 'job',
    type: 'job',
    deliveryId,
    request,
    generation: request.generation,
    status: 'Intended',
    droneId,
    fence: fence + 1,
    missionId: `${deliveryId}-m${request.generation}`,
    leaseUntil: new Date(now.getTime() + leaseSeconds * 1000).toISOString(),
    pickupEta,
    deliveryEta,
    assignedAt: now.toISOString(),
  };
}

export function stale(): AppError {
  return new AppError('stale', 'a newer generation of this delivery has begun');
}

/** Another call for the same delivery has changed the job: read it again. */
export function overtaken(): AppError {
  return new WriteConflict('changed');
}
