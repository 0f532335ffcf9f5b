/**
 * Writes state and event at once: an event is an item beside its aggregate, in the same partition and batch. The change
 * feed publishes it at least once, in the aggregate's order; consumers deduplicate by the event's id.
 */

import {
  type CloudEvent,
  DOMAIN_EVENTS,
  type DomainEventData,
  type DomainEventType,
} from '../contracts/events.ts';
import type { HubName } from '../messaging/hubs.ts';
import type { Message, Publisher } from '../messaging/publisher.ts';
import { conform } from '../read.ts';
import type { ServiceName } from '../service-names.ts';
import { type TraceContext, traceContext } from '../telemetry/trace-context.ts';

/** Longer than the longest outage of the change feed that must be survived, s. */
const EVENT_TTL_SECONDS = 14 * 24 * 3600;

/** The item in the container; it also has the partition key's field. */
export interface OutboxItem extends TraceContext {
  readonly id: string;
  readonly type: 'event';
  readonly hub: HubName;
  readonly key: string;
  readonly body: unknown;
  readonly ttl: number;
}

export interface OutboxMessage {
  /** The partition's fields, e.g. `{deliveryId}`. */
  readonly partition: Readonly<Record<string, string>>;
  /** Unique within the partition and the same on every repetition of the same change. */
  readonly id: string;
  readonly hub: HubName;
  readonly key: string;
  readonly body: unknown;
}

export function outboxItem(message: OutboxMessage): OutboxItem {
  return {
    ...message.partition,
    id: `event-${message.id}`,
    type: 'event',
    hub: message.hub,
    key: message.key,
    body: message.body,
    ...traceContext(),
    ttl: EVENT_TTL_SECONDS,
  };
}

export interface DomainEventSpec<T extends DomainEventType> {
  readonly service: ServiceName;
  readonly type: T;
  /** Unique: `${aggregateId}-${sequence}`. */
  readonly id: string;
  /** The aggregate's id: partition key of the hub. */
  readonly subject: string;
  readonly time: string;
  readonly data: DomainEventData<T>;
}

export function domainEvent<T extends DomainEventType>(spec: DomainEventSpec<T>): CloudEvent {
  const { traceparent } = traceContext();
  return {
    specversion: '1.0',
    id: spec.id,
    source: `/services/${spec.service}`,
    type: spec.type,
    subject: spec.subject,
    time: spec.time,
    datacontenttype: 'application/json',
    dataschema: `urn:fabrikam:event:${spec.type}:1`,
    ...(traceparent ? { traceparent } : {}),
    data: conform(DOMAIN_EVENTS[spec.type], spec.data),
  };
}

/** An outbox item for a domain event. */
export function domainEventItem<T extends DomainEventType>(
  partition: Readonly<Record<string, string>>,
  spec: DomainEventSpec<T>,
): OutboxItem {
  return outboxItem({
    partition,
    id: spec.id,
    hub: 'domain-events',
    key: spec.subject,
    body: domainEvent(spec),
  });
}

/**
 * The change feed's handler: publishes the outbox items of a batch and skips the others. Rejects when the broker does not
 * acknowledge, and the trigger's retry policy then delivers the same documents again.
 */
export async function publishChanges(documents: readonly unknown[], publisher: Publisher): Promise<void> {
  const items = documents.filter(isOutboxItem);
  const byHub = Map.groupBy(items, (item) => item.hub);
  await Promise.all([...byHub].map(([hub, group]) => publisher.publish(hub, group.map(toMessage))));
}

/** The message goes on with the trace of the change that it tells of. */
function toMessage({ id, key, body, traceparent, tracestate }: OutboxItem): Message {
  return {
    key,
    body,
    properties: {
      messageId: id,
      ...(traceparent ? { traceparent } : {}),
      ...(traceparent && tracestate ? { tracestate } : {}),
    },
  };
}

export function isOutboxItem(document: unknown): document is OutboxItem {
  return (document as Partial<OutboxItem> | null)?.type === 'event';
}
