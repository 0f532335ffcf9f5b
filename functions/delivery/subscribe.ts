/** Handles subscriptions to a delivery's events: by webhook, or by e-mail and SMS through the configured relay. */
import { createHash } from 'node:crypto';
import type { getWebhookSecrets, notifyMe } from '../../shared/contracts/deliveries.ts';
import { withOptimisticRetry } from '../../shared/cosmos/write-conflict.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { type Handler, invalid } from '../../shared/http/pipeline.ts';
import type { Sender } from '../../shared/outbound/sender.ts';
import { signingSecrets } from '../../shared/outbound/signature.ts';
import { ownDelivery } from './reading.ts';
import type { DeliveryRepository } from './repository.ts';
import type { Subscription, SubscriptionsDocument } from './schemas.ts';

const DAY_MS = 86_400_000;

export interface SubscriptionHandlers {
  readonly notifyMe: Handler<typeof notifyMe>;
  readonly secrets: Handler<typeof getWebhookSecrets>;
}

export function createSubscriptionHandlers(
  repository: DeliveryRepository,
  sender: Pick<Sender, 'reasonAgainst'>,
  { settings, now }: ServiceDeps,
): SubscriptionHandlers {
  /** An account's subscriptions are limited per day, since each of them causes a call for every event. */
  const count = async (accountId: string): Promise<void> => {
    const day = now().toISOString().slice(0, 10);
    if (await repository.countSubscription(accountId, day, settings.MAX_SUBSCRIPTIONS_PER_DAY)) return;
    const detail = `an account may create ${settings.MAX_SUBSCRIPTIONS_PER_DAY} subscriptions per day`;
    throw new AppError('too_many_requests', detail, {
      retryAfterSeconds: (DAY_MS - (now().getTime() % DAY_MS)) / 1000,
    });
  };

  return {
    notifyMe: async ({ params: { deliveryId }, body }, call) => {
      const { accountId } = (await ownDelivery(repository, deliveryId, call)).item;
      checkSettings(body, settings);
      const reason = body.webhook && (await sender.reasonAgainst(body.webhook));
      if (reason) throw invalid([{ path: 'body.webhook', message: reason }]);
      const subscription = subscriptionOf(body);
      let counted = false;
      await withOptimisticRetry(async () => {
        const known = await repository.subscriptions(deliveryId);
        const earlier = known?.item.subscriptions ?? [];
        if (earlier.some(({ id }) => id === subscription.id)) return;
        if (earlier.length >= settings.MAX_SUBSCRIPTIONS_PER_DELIVERY) {
          const detail = `a delivery may have ${settings.MAX_SUBSCRIPTIONS_PER_DELIVERY} subscriptions`;
          throw new AppError('limit_reached', detail);
        }
        if (!counted) await count(accountId);
        counted = true;
        const document: SubscriptionsDocument = {
          id: 'subscriptions',
          type: 'subscriptions',
          deliveryId,
          accountId,
          subscriptions: [...earlier, subscription],
        };
        await repository.saveSubscriptions(document, known?.etag);
      });
      return { status: 204 };
    },

    secrets: async (_input, { principal }) => {
      if (!principal.accountId) throw new AppError('not_found', 'your token belongs to no account');
      const secrets = signingSecrets(settings.WEBHOOK_SIGNING_KEYS, `account ${principal.accountId}`);
      return { status: 200, headers: { 'cache-control': 'no-store' }, body: { secrets: [...secrets] } };
    },
  };
}

type Wanted = Parameters<SubscriptionHandlers['notifyMe']>[0]['body'];

function checkSettings({ emailAddress, sms }: Wanted, settings: ServiceDeps['settings']): void {
  if (settings.WEBHOOK_SIGNING_KEYS.length === 0) {
    throw new AppError('not_serviceable', 'notifications need the setting WEBHOOK_SIGNING_KEYS');
  }
  if ((emailAddress || sms) && !settings.NOTIFY_RELAY_URL) {
    const detail = 'e-mail and SMS need the setting NOTIFY_RELAY_URL; a webhook works';
    throw new AppError('not_serviceable', detail);
  }
}

function subscriptionOf({ emailAddress, sms, webhook }: Wanted): Subscription {
  const wanted = {
    ...(emailAddress ? { emailAddress } : {}),
    ...(sms ? { sms } : {}),
    ...(webhook ? { webhook } : {}),
  };
  const id = createHash('sha256').update(JSON.stringify(wanted)).digest('hex').slice(0, 32);
  return { id, ...wanted };
}
