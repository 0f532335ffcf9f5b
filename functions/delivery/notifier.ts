/**
 * Telling who asked to be told: one event for one receiver is one document, until the receiver has it.
 *
 * N1 The document is there before the first attempt, so what fails, or dies with its process, is sent by a later round.
 * N2 A receiver that is down, slow or refuses keeps nobody else from their notifications, nor the hub's batch from its end.
 * N3 Who sends claims the document by its etag first: rounds at the same moment send once.
 * N4 At least once: receivers deduplicate on the event's id, and order by its sequence.
 */
import type { CloudEvent } from '../../shared/contracts/events.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { DeliveryRepository } from './repository.ts';
import type { NotificationDocument, NotifyDocument } from './schemas.ts';

export interface Notifier {
  /** One domain event for everybody who asked: written down, and tried once. */
  announce(event: CloudEvent): Promise<void>;
  /** A round over what is due. */
  sendDue(): Promise<void>;
}

/** A receiver has so long to answer; a batch of the hub waits for its first attempts, ms. */
const TIMEOUT_MS = 2_000;
/** Longer than an attempt takes, s. */
const CLAIM_SECONDS = 30;
const FIRST_PAUSE_SECONDS = 15;
const LONGEST_PAUSE_SECONDS = 3600;
/** With these pauses about six hours. */
const MOST_ATTEMPTS = 14;
const TTL_SECONDS = 3 * 24 * 3600;
const ROUND_SIZE = 100;

export function createNotifier(repository: DeliveryRepository, deps: ServiceDeps): Notifier {
  const later = (seconds: number) => new Date(deps.now().getTime() + seconds * 1000).toISOString();

  return {
    announce: async (event) => {
      if (!event.type.startsWith('Delivery')) return;
      const receivers = await repository.notifications(event.subject);
      await Promise.all(receivers.flatMap((receiver) => messagesOf(receiver, event)).map(first));
    },
    sendDue: async () => {
      const due = await repository.dueNotifications(deps.now().toISOString(), ROUND_SIZE);
      await Promise.all(
        due.map(async ({ item, etag }) => {
          const claimed = { ...item, attempts: item.attempts + 1, dueAt: later(CLAIM_SECONDS) };
          const claim = await repository.replaceNotification(claimed, etag);
          if (claim) await send(claimed, claim);
        }),
      );
    },
  };

  function messagesOf({ id, webhook, emailAddress, sms }: NotifyDocument, event: CloudEvent) {
    const relay = deps.settings.NOTIFY_RELAY_URL;
    const message = (kind: string, url: string, body: unknown): NotificationDocument => ({
      id: `${kind}-${id}-${event.id}`,
      type: 'notification',
      deliveryId: event.subject,
      eventId: event.id,
      url,
      body,
      status: 'Due',
      attempts: 1,
      dueAt: later(CLAIM_SECONDS),
      ttl: TTL_SECONDS,
    });
    return [
      ...(webhook ? [message('webhook', webhook, event)] : []),
      ...(relay && (emailAddress || sms) ? [message('relay', relay, { emailAddress, sms, event })] : []),
    ];
  }

  async function first(document: NotificationDocument): Promise<void> {
    if (!(await repository.addNotification(document))) return;
    const stored = await repository.notification(document.deliveryId, document.id);
    if (stored) await send(stored.item, stored.etag);
  }

  async function send(document: NotificationDocument, etag: string): Promise<void> {
    const { eventId, attempts } = document;
    const answer = await post(document);
    if (answer === 'taken') {
      await repository.replaceNotification({ ...document, status: 'Sent' }, etag);
      return;
    }
    const givenUp = answer === 'refused' || attempts >= MOST_ATTEMPTS;
    deps.log.warn(
      { eventId, attempts, answer },
      givenUp ? 'a notification is given up' : 'a notification failed',
    );
    const pause = Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (attempts - 1));
    const next = givenUp ? { status: 'GivenUp' as const } : { dueAt: later(pause) };
    await repository.replaceNotification({ ...document, ...next }, etag);
  }
}

/** `refused`: a repetition would be, too. */
async function post({ url, body, eventId }: NotificationDocument): Promise<'taken' | 'refused' | 'failed'> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-fabrikam-event-id': eventId },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (response.ok) return 'taken';
    const mayPass = response.status >= 500 || [408, 425, 429].includes(response.status);
    return mayPass ? 'failed' : 'refused';
  } catch {
    return 'failed';
  }
}
