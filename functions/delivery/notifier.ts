/**
 * Sends the events of a delivery to its subscribers. Each event for each receiver is a document until the receiver has it.
 *
 * N1 The document is stored before the first attempt, so an attempt that fails, or dies with its process, is repeated by a
 *    later round, for a day.
 * N2 The hub's batch ends when the documents are stored. They are sent outside the batch, a few of each account at a time,
 *    so a receiver that is down or slow delays neither the batch nor another account.
 * N3 A process claims a document before it sends it: of several processes at work, only one sends it.
 * N4 Delivery is at least once: receivers deduplicate by the event's id, and order by its sequence.
 */
import type { CloudEvent } from '../../shared/contracts/events.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import type { Sender } from '../../shared/outbound/sender.ts';
import { createDispatcher } from './dispatcher.ts';
import { messagesOf, requestOf, verdictOn } from './notification-messages.ts';
import type { NotificationRepository } from './notifications.ts';
import type { DeliveryRepository } from './repository.ts';
import type { NotificationDocument } from './schemas.ts';

export interface Notifier {
  /** Stores a notification of the event for each subscriber. */
  announce(event: CloudEvent): Promise<void>;
  /** Starts sending the notifications that are due. */
  sendDue(): Promise<void>;
  /** Resolves when every notification that was started has been tried. */
  settled(): Promise<void>;
}

export interface NotifierDeps {
  readonly deliveries: Pick<DeliveryRepository, 'subscriptions'>;
  readonly notifications: NotificationRepository;
  readonly sender: Pick<Sender, 'send'>;
  /** Time that a receiver has to answer; the default is 5 s. */
  readonly timeoutMs?: number;
  /** At least 0, below 1. */
  readonly random: () => number;
}

const TIMEOUT_MS = 5_000;
/** Longer than an attempt and its wait for its turn, s. */
const CLAIM_SECONDS = 30;
const FIRST_PAUSE_SECONDS = 15;
const MAX_PAUSE_SECONDS = 3600;
/** A pause is extended by up to this share, so that notifications that failed together do not return together. */
const JITTER = 0.2;
const GIVEN_UP_AFTER_SECONDS = 24 * 3600;
const PER_ACCOUNT = 4;
const QUEUED_PER_ACCOUNT = 60;

export function createNotifier(
  { deliveries, notifications, sender, random, timeoutMs = TIMEOUT_MS }: NotifierDeps,
  { settings, now, log }: ServiceDeps,
): Notifier {
  const later = (seconds: number) => new Date(now().getTime() + seconds * 1000).toISOString();
  const dispatcher = createDispatcher({
    perAccount: PER_ACCOUNT,
    queuedPerAccount: QUEUED_PER_ACCOUNT,
    onError: (error) => log.warn({ err: error }, 'a notification is left to a later round'),
  });
  const dispatch = (document: NotificationDocument) =>
    dispatcher.offer(document.accountId, () => attempt(document));

  return {
    announce: async (event) => {
      if (!event.type.startsWith('Delivery')) return;
      const stored = await deliveries.subscriptions(event.subject);
      if (!stored) return;
      const { NOTIFY_RELAY_URL: relay } = settings;
      const head = { relay, createdAt: later(0), dueAt: later(CLAIM_SECONDS) };
      const documents = stored.item.subscriptions.flatMap((each) =>
        messagesOf(each, stored.item, event, head),
      );
      for (const document of await notifications.add(documents)) dispatch(document);
    },
    sendDue: async () => {
      const accounts = await notifications.dueAccounts(now().toISOString());
      await Promise.all(accounts.map(takeUp));
    },
    settled: () => dispatcher.settled(),
  };

  async function takeUp(accountId: string): Promise<void> {
    const room = dispatcher.room(accountId);
    if (room <= 0) return;
    for (const document of await notifications.due(accountId, now().toISOString(), room)) {
      const claimed = { ...document, dueAt: later(CLAIM_SECONDS) };
      if (await notifications.change(document, { dueAt: claimed.dueAt })) dispatch(claimed);
    }
  }

  /** One attempt, unless the claim expired while it waited for its turn: another process may have claimed it since. */
  async function attempt(document: NotificationDocument): Promise<void> {
    if (Date.parse(document.dueAt) - now().getTime() < timeoutMs) return;
    const attempts = document.attempts + 1;
    const request = { ...requestOf(document, settings.WEBHOOK_SIGNING_KEYS, now()), timeoutMs };
    const answer = await sender.send(request).then(
      ({ status }) => verdictOn(status),
      (error: unknown) => {
        log.debug({ err: error, eventId: document.eventId }, 'a receiver did not answer');
        return 'failed' as const;
      },
    );
    if (answer === 'taken') {
      await notifications.change(document, { attempts, status: 'Sent' });
      return;
    }
    const pause =
      Math.min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (attempts - 1)) * (1 + JITTER * random());
    const age = (now().getTime() - Date.parse(document.createdAt)) / 1000;
    const givenUp = answer === 'refused' || age + pause > GIVEN_UP_AFTER_SECONDS;
    const { eventId } = document;
    log.warn(
      { eventId, attempts, answer },
      givenUp ? 'a notification was given up' : 'a notification failed',
    );
    await notifications.change(document, {
      attempts,
      ...(givenUp ? { status: 'GivenUp' } : { dueAt: later(pause) }),
    });
  }
}
