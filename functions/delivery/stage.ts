/** Writes for the workflow: create, replan, move. Each write is repeated when another call has written in between. */
import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { checkNamedOwner, checkReach } from '../../shared/auth/tenancy.ts';
import type { DeliveryStage } from '../../shared/contracts/common.ts';
import type { DeliveryBody, moveDelivery, putDelivery } from '../../shared/contracts/deliveries.ts';
import { checkIfMatch, withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { type CallMark, callMark, isRepetition, marked } from '../../shared/http/idempotent-call.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { invalid } from '../../shared/http/pipeline.ts';
import { transition, viewOf } from './domain.ts';
import { ownDelivery } from './reading.ts';
import type { DeliveryRepository } from './repository.ts';
import type { DeliveryDocument, TrackingDocument } from './schemas.ts';

/** Enough to recognize every repetition in a delivery's life. */
const REMEMBERED_EVENTS = 100;

type Plan = z.output<typeof DeliveryBody>;

/** Stages before the package is on board. */
const REPLANNED: ReadonlySet<DeliveryStage> = new Set(['Created', 'Rescheduled', 'HeadedToPickup']);

export interface StageHandlers {
  readonly put: Handler<typeof putDelivery>;
  readonly move: Handler<typeof moveDelivery>;
}

export function createStageHandlers(repository: DeliveryRepository, deps: ServiceDeps): StageHandlers {
  return {
    put: ({ params: { deliveryId }, body }, call) => {
      if (body.id !== undefined && body.id !== deliveryId) {
        throw invalid([{ path: 'body.id', message: 'must be the id in the path' }]);
      }
      checkNamedOwner(call.principal, body.owner.accountId, 'body.owner.accountId');
      const ifMatch = call.headers['if-match'];
      const mark = callMark(call, body);
      // A workflow's delivery is new, unless it was planned again.
      const assumesNew = mark !== undefined && ifMatch === undefined;
      const write = async (attempt: number) => {
        const known = assumesNew && attempt === 1 ? undefined : await repository.find(deliveryId);
        if (known) checkReach(call.principal, known.item.accountId, 'there is no such delivery');
        checkIfMatch(ifMatch, known?.etag);
        if (known) return replan(known.item, body, known.etag, mark);
        const document = { ...newDelivery(deliveryId, body, deps.now()), ...marked(mark) };
        const event = trackingEvent(document, { at: document.createdAt });
        const etag = await repository.record(document, event, undefined);
        return { status: 201 as const, body: viewOf(document), headers: { etag } };
      };
      return withOptimisticRetry(write, ifMatch);
    },

    move: ({ params, body }, call) =>
      withOptimisticRetry(async () => {
        const { item, etag } = await ownDelivery(repository, params.deliveryId, call);
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

  /** A repetition never changes anything; a different plan is accepted until the package is on board. */
  async function replan(
    item: DeliveryDocument,
    body: Plan,
    etag: string,
    mark: CallMark | undefined,
  ): Promise<{ status: 204; headers: { etag: string } }> {
    const replanned = (newEtag: string) => ({ status: 204 as const, headers: { etag: newEtag } });
    if (isRepetition(item.call, mark)) return replanned(etag);
    if (!equal(body.owner, item.owner)) {
      throw new AppError('conflict', 'the owner of a delivery cannot change');
    }
    const { id: _id, ...plan } = body;
    const { droneId: _drone, carrierId: _carrier, ...kept } = item;
    const same = { ...kept, ...plan };
    if (equal(same, item)) return replanned(etag);
    const changed: DeliveryDocument = { ...same, ...marked(mark), updatedAt: deps.now().toISOString() };
    if (!REPLANNED.has(item.stage)) {
      throw new AppError('conflict', `a delivery that is ${item.stage} cannot be planned again`);
    }
    if (sameChoices(item, changed)) return replanned(await repository.save(changed, etag));
    const moved = { ...changed, stage: transition(item.stage, 'Rescheduled'), sequence: item.sequence + 1 };
    return replanned(await repository.record(moved, trackingEvent(moved, { at: moved.updatedAt }), etag));
  }
}

function newDelivery(deliveryId: string, body: Plan, now: Date): DeliveryDocument {
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

/** The customer decides places and deadline, the workflow decides who carries the package. */
function sameChoices(a: DeliveryDocument, b: DeliveryDocument): boolean {
  const choices = ({ pickup, dropoff, deadline }: DeliveryDocument) => [pickup, dropoff, deadline];
  return equal(choices(a), choices(b));
}

function equal(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}
