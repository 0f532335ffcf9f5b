/**
 * Handles share links: capabilities that expire and can be revoked. The bearer sees the delivery, and little else.
 *
 * L1 The store has only a hash of the secret, so a reader of the store cannot make the link.
 * L2 All links of a delivery are one item: its etag keeps their number within the limit.
 * L3 A token has one spelling.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type {
  createShareLink,
  getPublicDelivery,
  listShareLinks,
  revokeShareLink,
} from '../../shared/contracts/deliveries.ts';
import { withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { liveState, ownDelivery } from './reading.ts';
import type { DeliveryRepository } from './repository.ts';
import type { ShareLink, ShareLinksDocument } from './schemas.ts';

export interface ShareHandlers {
  readonly create: Handler<typeof createShareLink>;
  readonly list: Handler<typeof listShareLinks>;
  readonly revoke: Handler<typeof revokeShareLink>;
  readonly view: Handler<typeof getPublicDelivery>;
}

const SECRET_BYTES = 24;

export function createShareHandlers(repository: DeliveryRepository, deps: ServiceDeps): ShareHandlers {
  const valid = (document: ShareLinksDocument | undefined): readonly ShareLink[] =>
    document?.links.filter(({ expiresAt }) => expiresAt > deps.now().toISOString()) ?? [];

  /** Replaces the valid links by the result of `change`. */
  const update = (deliveryId: string, change: (links: readonly ShareLink[]) => readonly ShareLink[]) =>
    withOptimisticRetry(async () => {
      const known = await repository.links(deliveryId);
      const links = change(valid(known?.item));
      await repository.saveLinks(documentOf(deliveryId, links, deps.now()), known?.etag);
    });

  return {
    create: async ({ params: { deliveryId }, body }, call) => {
      const { stage } = (await ownDelivery(repository, deliveryId, call)).item;
      if (stage === 'Cancelled') throw new AppError('conflict', 'a cancelled delivery has nothing to share');
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      const linkId = deps.newId().replaceAll('-', '').slice(0, 12);
      const now = deps.now();
      const expiresAt = new Date(now.getTime() + body.hours * 3_600_000).toISOString();
      const { subject: createdBy } = call.principal;
      const link = { linkId, secretHash: hash(secret), createdAt: now.toISOString(), createdBy, expiresAt };
      await update(deliveryId, (links) => {
        if (links.length < deps.settings.MAX_SHARE_LINKS_PER_DELIVERY) return [...links, link];
        const detail = `a delivery may have ${deps.settings.MAX_SHARE_LINKS_PER_DELIVERY} share links: revoke one first`;
        throw new AppError('limit_reached', detail);
      });
      const token = Buffer.from(`${deliveryId}.${linkId}.${secret}`).toString('base64url');
      const url = `${deps.settings.PUBLIC_ORIGIN}/share/${token}`;
      return { status: 201, body: { linkId, token, url, expiresAt } };
    },

    list: async ({ params: { deliveryId } }, call) => {
      await ownDelivery(repository, deliveryId, call);
      const links = valid((await repository.links(deliveryId))?.item);
      const views = links.map(({ secretHash: _hash, ...view }) => view);
      return { status: 200, body: { links: views } };
    },

    revoke: async ({ params: { deliveryId, linkId } }, call) => {
      await ownDelivery(repository, deliveryId, call);
      await update(deliveryId, (links) => {
        const rest = links.filter((link) => link.linkId !== linkId);
        if (rest.length === links.length) throw new AppError('not_found', 'there is no such link');
        return rest;
      });
      return { status: 204 };
    },

    view: async ({ params: { token } }) => {
      const delivery = await deliveryBehind(token);
      if (!delivery) throw new AppError('not_found', 'this link is not valid, or no longer valid');
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

  async function deliveryBehind(token: string) {
    const { deliveryId, linkId, secret } = parseToken(token) ?? {};
    if (!deliveryId || !secret) return undefined;
    const link = valid((await repository.links(deliveryId))?.item).find((each) => each.linkId === linkId);
    if (!link || !isSame(link.secretHash, hash(secret))) return undefined;
    return (await repository.find(deliveryId))?.item;
  }
}

function documentOf(deliveryId: string, links: readonly ShareLink[], now: Date): ShareLinksDocument {
  const latest = Math.max(now.getTime(), ...links.map(({ expiresAt }) => Date.parse(expiresAt)));
  const ttl = Math.max(1, Math.ceil((latest - now.getTime()) / 1000));
  return { id: 'sharelinks', type: 'sharelinks', deliveryId, links, ttl };
}

/** `<deliveryId>.<linkId>.<secret>` in base64url: opaque to its bearer, found by a point read. */
function parseToken(token: string) {
  const text = Buffer.from(token, 'base64url').toString();
  if (Buffer.from(text).toString('base64url') !== token) return undefined;
  return /^(?<deliveryId>[\w.~-]+)\.(?<linkId>\w+)\.(?<secret>[\w-]+)$/.exec(text)?.groups;
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function isSame(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
