/**
 * Makes a dead letter of a message that cannot be processed.
 *
 * D1 For every message, the dead letter fits the supervisor's route and a Cosmos DB item.
 * D2 The payload is complete, up to the largest message that Event Hubs takes; a longer one is cut, and the letter says so.
 */

import { z } from 'zod';
import { readJson } from '../read.ts';

/** The body of the supervisor's route. */
export interface DeadLetterBody {
  readonly hub: string;
  readonly partition: string;
  readonly sequenceNumber: number;
  readonly reason: string;
  readonly step: string;
  readonly payload: string;
  readonly encoding: 'text' | 'base64';
  readonly properties: Record<string, unknown>;
  /** Bytes of the whole message, when it was cut. */
  readonly cutFrom?: number;
}

export interface DeadMessage {
  readonly bytes: Uint8Array;
  readonly partition: string;
  readonly sequenceNumber: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** The limit of the supervisor's route; a Cosmos DB item may have 2 MB. */
export const MAX_LETTER_BYTES = 1_600_000;
/** In base64, they fit the limit above. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;
const MAX_PROPERTIES_BYTES = 64 * 1024;
const MAX_REASON_LENGTH = 1_000;
const Properties = z.record(z.string(), z.unknown());

export function deadLetterOf(
  hub: string,
  { bytes, partition, sequenceNumber, properties }: DeadMessage,
  reason: string,
  step: string,
): DeadLetterBody {
  const kept = bytes.subarray(0, MAX_PAYLOAD_BYTES);
  const cut = ` (the first ${kept.length} of ${bytes.length} bytes)`;
  const letter = {
    hub,
    partition,
    sequenceNumber,
    reason: `${reason.slice(0, MAX_REASON_LENGTH - 80).toWellFormed()}${kept.length < bytes.length ? cut : ''}`,
    step,
    properties: plainProperties(properties),
    ...(kept.length < bytes.length ? { cutFrom: bytes.length } : {}),
  };
  const text = textOf(kept);
  if (text !== undefined) {
    const whole = { ...letter, payload: text, encoding: 'text' as const };
    // Escaping can turn one byte into six.
    if (Buffer.byteLength(JSON.stringify(whole)) <= MAX_LETTER_BYTES) return whole;
  }
  return { ...letter, payload: Buffer.from(kept).toString('base64'), encoding: 'base64' };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The properties as JSON; empty if AMQP allowed values that JSON, or the route, does not. */
function plainProperties(properties: DeadMessage['properties']): Record<string, unknown> {
  try {
    const text = JSON.stringify(properties);
    const plain = readJson(Properties, text);
    return plain.ok && Buffer.byteLength(text) <= MAX_PROPERTIES_BYTES ? plain.value : {};
  } catch {
    return {};
  }
}
