/** Telling who asked to be told. Webhooks are called by us; e-mail and SMS go through the relay that is configured. */
import { createHash } from 'node:crypto';
import type { notifyMe } from '../../shared/contracts/deliveries.ts';
import type { CloudEvent } from '../../shared/contracts/events.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { AppError } from '../../shared/http/problem.ts';
import type { ServiceDeps } from '../../shared/http/service.ts';
import { ownDelivery } from './reading.ts';
import type { DeliveryRepository } from './repository.ts';
import type { NotifyDocument } from './schemas.ts';

const TIMEOUT_MS = 5_000;

export function createNotifyMe(repository: DeliveryRepository, deps: ServiceDeps): Handler<typeof notifyMe> {
  return async ({ params, body }, call) => {
    const { deliveryId } = params;
    await ownDelivery(repository, deliveryId, call);
    if ((body.emailAddress || body.sms) && !deps.settings.NOTIFY_RELAY_URL) {
      throw new AppError(
        'not_serviceable',
        'e-mail and SMS need the setting NOTIFY_RELAY_URL; a webhook works',
      );
    }
    const id = `notify-${createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 32)}`;
    const { emailAddress, sms, webhook } = body;
    const document: NotifyDocument = {
      id,
      type: 'notify',
      deliveryId,
      ...(emailAddress ? { emailAddress } : {}),
      ...(sms ? { sms } : {}),
      ...(webhook ? { webhook } : {}),
    };
    await repository.saveNotify(document);
    return { status: 204 };
  };
}

/** Sends one domain event to everybody who asked. At least once; receivers deduplicate on the event's id. */
export function createNotifier(
  repository: DeliveryRepository,
  deps: ServiceDeps,
): (event: CloudEvent) => Promise<void> {
  return async (event) => {
    if (!event.type.startsWith('Delivery')) return;
    const receivers = await repository.notifications(event.subject);
    for (const { webhook, emailAddress, sms } of receivers) {
      if (webhook) await post(webhook, event, event, deps);
      const relay = deps.settings.NOTIFY_RELAY_URL;
      if (relay && (emailAddress || sms)) await post(relay, { emailAddress, sms, event }, event, deps);
    }
  };
}

/** A receiver that is down is tried again by the consumer's retry policy; one that refuses is given up. */
async function post(url: string, body: unknown, event: CloudEvent, deps: ServiceDeps): Promise<void> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-fabrikam-event-id': event.id },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    deps.log.warn({ err: error, eventId: event.id }, 'a notification could not be sent');
    return;
  }
  if (!response.ok)
    deps.log.warn({ status: response.status, eventId: event.id }, 'a notification was refused');
}
