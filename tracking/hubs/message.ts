/** Converts a received event to a `HubMessage`, with its bytes as they arrived, so a dead letter can keep them. */
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

/** AMQP allows bodies that are values instead of bytes; they are serialized as JSON. */
function bytesOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body;
  if (typeof body === 'string') return Buffer.from(body);
  try {
    return Buffer.from(JSON.stringify(body) ?? '');
  } catch {
    return Buffer.from(String(body));
  }
}
