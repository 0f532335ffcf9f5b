/** Share links: a capability that expires and can be revoked; who has it sees the delivery, and little else. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type {
  createShareLink,
  getPublicDelivery,
  revokeShareLink,
} from '../../shared/contracts/deliveries.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { liveState, ownDelivery } from './reading.ts';
import type { DeliveryRepository } from './repository.ts';

export interface ShareHandlers {
  readonly create: Handler<typeof createShareLink>;
  readonly revoke: Handler<typeof revokeShareLink>;
  readonly view: Handler<typeof getPublicDelivery>;
}

const SECRET_BYTES = 24;

/** `<deliveryId>.<linkId>.<secret>`, base64url: opaque to its bearer, found by point reads. */
export function createShareHandlers(repository: DeliveryRepository, deps: ServiceDeps): ShareHandlers {
  return {
    create: async ({ params, body }, call) => {
      const { deliveryId } = params;
      await ownDelivery(repository, deliveryId, call);
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      const linkId = deps.newId().replaceAll('-', '').slice(0, 12);
      const seconds = Math.round(body.hours * 3600);
      const expiresAt = new Date(deps.now().getTime() + seconds * 1000).toISOString();
      const id = `share-${linkId}`;
      await repository.saveLink({
        id,
        type: 'share',
        deliveryId,
        secretHash: hash(secret),
        expiresAt,
        ttl: seconds,
      });
      const token = Buffer.from(`${deliveryId}.${linkId}.${secret}`).toString('base64url');
      const url = `${deps.settings.PUBLIC_ORIGIN}/share/${token}`;
      return { status: 201, body: { linkId, token, url, expiresAt } };
    },

    revoke: async ({ params }, call) => {
      await ownDelivery(repository, params.deliveryId, call);
      if (!(await repository.removeLink(params.deliveryId, params.linkId))) {
        throw new AppError('not_found', 'there is no such link');
      }
      return { status: 204 };
    },

    view: async ({ params }) => {
      const unknown = new AppError('not_found', 'this link is not valid, or not any more');
      const text = Buffer.from(params.token, 'base64url').toString();
      const [, deliveryId, linkId, secret] = /^([\w.~-]+)\.(\w+)\.([\w-]+)$/.exec(text) ?? [];
      if (!deliveryId || !linkId || !secret) throw unknown;
      const link = await repository.link(deliveryId, linkId);
      if (!link || link.expiresAt <= deps.now().toISOString() || !same(link.secretHash, hash(secret)))
        throw unknown;
      const delivery = (await repository.find(deliveryId))?.item;
      if (!delivery) throw unknown;
      const live = await liveState(delivery, deps);
      return {
        status: 200,
        headers: { 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' },
        body: {
          stage: delivery.stage,
          dropoff: delivery.dropoff,
          ...(live && delivery.stage === 'HeadedToDropoff' ? { lastKnownLocation: live.position } : {}),
          deliveryEta: live?.deliveryEta ?? delivery.deliveryEta,
          updatedAt: live?.time ?? delivery.updatedAt,
        },
      };
    },
  };
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function same(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
