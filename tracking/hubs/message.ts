/** A received event as a `HubMessage`: its bytes as they came, so that a dead letter can hold them. */
import type { ReceivedEventData } from '@azure/event-hubs';
import type { HubMessage } from '../ports.ts';

export function messageOf(event: ReceivedEventData, partition: string): HubMessage {
  return {
    bytes: bytesOf(event.body),
    partition,
    sequenceNumber: event.sequenceNumber,
    properties: event.properties ?? {},
  };
}

/** AMQP allows bodies that are values instead of bytes; they are written out. */
function bytesOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body;
  if (typeof body === 'string') return Buffer.from(body);
  try {
    return Buffer.from(JSON.stringify(body) ?? '');
  } catch {
    return Buffer.from(String(body));
  }
}
