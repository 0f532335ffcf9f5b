/** Asking to be told. Webhooks are called by us; e-mail and SMS go through the relay that is configured. */
import { createHash } from 'node:crypto';
import type { notifyMe } from '../../shared/contracts/deliveries.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Handler } from '../../shared/http/pipeline.ts';
import { ownDelivery } from './reading.ts';
import type { DeliveryRepository } from './repository.ts';
import type { NotifyDocument } from './schemas.ts';

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
