/** The delivery service's registration. */
import { app } from '@azure/functions';
import * as contract from '../../shared/contracts/deliveries.ts';
import { CloudEvent } from '../../shared/contracts/events.ts';
import { registerOutbox } from '../../shared/functions/change-feed.ts';
import { registerConsumer } from '../../shared/functions/event-hub.ts';
import type { Service, ServiceDeps } from '../../shared/functions/service.ts';
import { endpoint } from '../../shared/http/pipeline.ts';
import { createSender } from '../../shared/outbound/sender.ts';
import { createNotificationRepository } from './notifications.ts';
import { createNotifier } from './notifier.ts';
import { createProofHandlers } from './proof.ts';
import { createProofStore } from './proof-store.ts';
import { createReadHandlers } from './reading.ts';
import { createDeliveryRepository } from './repository.ts';
import { createShareHandlers } from './sharing.ts';
import { createStageHandlers } from './stage.ts';
import { createSubscriptionHandlers } from './subscribe.ts';

export function deliveryService(deps: ServiceDeps): Service {
  const repository = createDeliveryRepository(deps.database);
  const stage = createStageHandlers(repository, deps);
  const read = createReadHandlers(repository, deps);
  const share = createShareHandlers(repository, deps);
  const proof = createProofHandlers(repository, createProofStore(deps), deps);
  const sender = createSender({ allowLoopback: deps.settings.OUTBOUND_ALLOW_LOOPBACK });
  const subscribe = createSubscriptionHandlers(repository, sender, deps);
  const notifications = createNotificationRepository(deps.database);
  const notifier = createNotifier(
    { deliveries: repository, notifications, sender, random: Math.random },
    deps,
  );
  return {
    name: 'delivery',
    endpoints: [
      endpoint(contract.putDelivery, stage.put),
      endpoint(contract.moveDelivery, stage.move),
      endpoint(contract.getDelivery, read.get),
      endpoint(contract.getDeliveryOwner, read.owner),
      endpoint(contract.getDeliveryStatus, read.status),
      endpoint(contract.listDeliveryEvents, read.events),
      endpoint(contract.summarizeDeliveries, read.summary),
      endpoint(contract.createShareLink, share.create),
      endpoint(contract.listShareLinks, share.list),
      endpoint(contract.revokeShareLink, share.revoke),
      endpoint(contract.getPublicDelivery, share.view),
      endpoint(contract.notifyMe, subscribe.notifyMe),
      endpoint(contract.getWebhookSecrets, subscribe.secrets),
      endpoint(contract.confirmDelivery, proof.confirm),
      endpoint(contract.listConfirmations, proof.list),
      endpoint(contract.getConfirmation, proof.get),
    ],
    registerTriggers: () => {
      registerOutbox('delivery', 'deliveries', deps);
      registerConsumer(
        {
          service: 'delivery',
          hub: 'domain-events',
          schema: CloudEvent,
          keyOf: (event) => event.subject,
          handle: ({ message }) => notifier.announce(message),
        },
        deps,
      );
      app.timer('delivery_notifications', { schedule: '*/10 * * * * *', handler: () => notifier.sendDue() });
    },
  };
}
