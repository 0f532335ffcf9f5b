/** The messages that subscribers get: stored documents, signed requests, and the meaning of their answers. Pure. */
import type { CloudEvent } from '../../shared/contracts/events.ts';
import type { OutboundRequest } from '../../shared/outbound/sender.ts';
import { RELAY, signatureHeaders, signingSecrets } from '../../shared/outbound/signature.ts';
import type { NotificationDocument, Subscription, SubscriptionsDocument } from './schemas.ts';

/** Longer than the attempts to send a notification continue. */
const TTL_SECONDS = 3 * 24 * 3600;

export function messagesOf(
  { id, webhook, emailAddress, sms }: Subscription,
  { deliveryId, accountId }: SubscriptionsDocument,
  event: CloudEvent,
  { relay, createdAt, dueAt }: { relay: string | undefined; createdAt: string; dueAt: string },
): NotificationDocument[] {
  const message = (kind: NotificationDocument['kind'], url: string, body: unknown): NotificationDocument => ({
    id: `${kind}-${id}-${event.id}`,
    type: 'notification',
    deliveryId,
    accountId,
    eventId: event.id,
    kind,
    url,
    body,
    status: 'Due',
    attempts: 0,
    createdAt,
    dueAt,
    ttl: TTL_SECONDS,
  });
  return [
    ...(webhook ? [message('webhook', webhook, event)] : []),
    ...(relay && (emailAddress || sms) ? [message('relay', relay, { emailAddress, sms, event })] : []),
  ];
}

export function requestOf(
  document: NotificationDocument,
  keys: readonly string[],
  at: Date,
): Omit<OutboundRequest, 'timeoutMs'> {
  const { kind, url, eventId, accountId } = document;
  const body = JSON.stringify(document.body);
  const secrets = signingSecrets(keys, kind === 'relay' ? RELAY : `account ${accountId}`);
  return {
    url,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-fabrikam-event-id': eventId,
      ...signatureHeaders(secrets, eventId, at, body),
    },
    body,
    statusOnly: true,
    trusted: kind === 'relay',
  };
}

/** `refused`: a repetition would be refused, too. */
export function verdictOn(status: number): 'taken' | 'refused' | 'failed' {
  if (status >= 200 && status < 300) return 'taken';
  return status >= 500 || [408, 425, 429].includes(status) ? 'failed' : 'refused';
}
