/** Writes of the workflow: create, re-plan, move. Each is repeated when somebody else wrote meanwhile. */
import type { z } from 'zod';
import type { DeliveryBody, moveDelivery, putDelivery } from '../../shared/contracts/deliveries.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { invalid } from '../../shared/http/pipeline.ts';
import { AppError } from '../../shared/http/problem.ts';
import type { ServiceDeps } from '../../shared/http/service.ts';
import { ENDED, transition, viewOf } from './domain.ts';
import type { DeliveryRepository } from './repository.ts';
import type { DeliveryDocument, TrackingDocument } from './schemas.ts';

/** Enough to know every repetition of a delivery's life again. */
const REMEMBERED_EVENTS = 100;
const RACE_ATTEMPTS = 5;

export interface StageHandlers {
  readonly put: Handler<typeof putDelivery>;
  readonly move: Handler<typeof moveDelivery>;
}

export function createStageHandlers(repository: DeliveryRepository, deps: ServiceDeps): StageHandlers {
  return {
    put: ({ params, body }) =>
      untilUndisturbed(async () => {
        const { deliveryId } = params;
        if (body.id !== undefined && body.id !== deliveryId) {
          throw invalid([{ path: 'body.id', message: 'is not the id of the path' }]);
        }
        const known = await repository.find(deliveryId);
        if (!known) {
          const document = newDelivery(deliveryId, body, deps.now());
          await repository.record(document, trackingEvent(document, { at: document.createdAt }), undefined);
          return { status: 201, body: viewOf(document) };
        }
        const { item, etag } = known;
        if (ENDED.has(item.stage) || item.stage === 'HeadedToDropoff' || item.stage === 'Returning') {
          throw new AppError('conflict', `a delivery that is ${item.stage} cannot be planned anew`);
        }
        const { id: _id, ...plan } = body;
        const { droneId: _drone, carrierId: _carrier, ...kept } = item;
        const changed: DeliveryDocument = { ...kept, ...plan, updatedAt: deps.now().toISOString() };
        if (samePlan(item, changed)) {
          await repository.save(changed, etag);
          return { status: 204 };
        }
        const moved = {
          ...changed,
          stage: transition(item.stage, 'Rescheduled'),
          sequence: item.sequence + 1,
        };
        await repository.record(moved, trackingEvent(moved, { at: moved.updatedAt }), etag);
        return { status: 204 };
      }),

    move: ({ params, body }) =>
      untilUndisturbed(async () => {
        const known = await repository.find(params.deliveryId);
        if (!known) throw new AppError('not_found', 'there is no such delivery');
        const { item, etag } = known;
        if (item.applied.includes(body.eventId)) return { status: 200, body: viewOf(item) };
        const stage = transition(item.stage, body.event);
        const moved: DeliveryDocument = {
          ...item,
          stage,
          sequence: item.sequence + 1,
          applied: [...item.applied, body.eventId].slice(-REMEMBERED_EVENTS),
          updatedAt: deps.now().toISOString(),
        };
        await repository.record(moved, trackingEvent(moved, body), etag);
        return { status: 200, body: viewOf(moved) };
      }),
  };
}

async function untilUndisturbed<T>(work: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await work();
    } catch (error) {
      const race =
        error instanceof AppError && (error.code === 'etag_mismatch' || error.code === 'already_exists');
      if (!race || round >= RACE_ATTEMPTS) throw error;
    }
  }
}

function newDelivery(deliveryId: string, body: z.output<typeof DeliveryBody>, now: Date): DeliveryDocument {
  const { id: _id, ...plan } = body;
  const at = now.toISOString();
  return {
    ...plan,
    id: 'delivery',
    type: 'delivery',
    deliveryId,
    accountId: body.owner.accountId,
    stage: 'Created',
    confirmed: false,
    sequence: 0,
    applied: [],
    month: at.slice(0, 7),
    createdAt: at,
    updatedAt: at,
  };
}

function trackingEvent(
  document: DeliveryDocument,
  event: Pick<TrackingDocument, 'at'> & {
    position?: TrackingDocument['position'] | undefined;
    reason?: string | undefined;
  },
): TrackingDocument {
  const { deliveryId, sequence, stage } = document;
  return {
    id: `tracking-${String(sequence).padStart(6, '0')}`,
    type: 'tracking',
    deliveryId,
    sequence,
    stage,
    at: event.at,
    ...(event.position ? { position: event.position } : {}),
    ...(event.reason ? { reason: event.reason } : {}),
  };
}

/** Places and deadline are the customer's; who carries it is ours. */
function samePlan(a: DeliveryDocument, b: DeliveryDocument): boolean {
  const plan = ({ pickup, dropoff, deadline }: DeliveryDocument) =>
    JSON.stringify([pickup, dropoff, deadline]);
  return plan(a) === plan(b);
}
