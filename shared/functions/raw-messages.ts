/** The messages of a batch, as the host gives them: bodies in one array, what belongs to them in others. */
import type { InvocationContext } from '@azure/functions';

/** One message of a batch, with where it came from. */
export interface RawMessage {
  readonly bytes: Uint8Array;
  readonly partition: string;
  readonly sequenceNumber: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

export function rawMessages(messages: readonly unknown[], context: InvocationContext): RawMessage[] {
  const metadata = (context.triggerMetadata ?? {}) as {
    partitionContext?: { partitionId?: string };
    sequenceNumberArray?: readonly unknown[];
    propertiesArray?: readonly unknown[];
  };
  return messages.map((message, index) => ({
    bytes: toBytes(message),
    partition: metadata.partitionContext?.partitionId ?? '',
    sequenceNumber: sequenceNumberOf(metadata.sequenceNumberArray?.[index]),
    properties: propertiesOf(metadata.propertiesArray?.[index]),
  }));
}

/**
 * The message is handled even if its metadata cannot be read: workers give numbers, texts, or `{low, high}`
 * (Azure/azure-functions-nodejs-worker#844). -1: unknown.
 */
export function sequenceNumberOf(given: unknown): number {
  const { low, high } = (given ?? {}) as { low?: unknown; high?: unknown };
  const number =
    typeof low === 'number' && typeof high === 'number'
      ? high * 2 ** 32 + (low >>> 0)
      : typeof given === 'number' || (typeof given === 'string' && given.trim() !== '')
        ? Number(given)
        : -1;
  return Number.isSafeInteger(number) && number >= 0 ? number : -1;
}

function propertiesOf(given: unknown): Readonly<Record<string, unknown>> {
  return typeof given === 'object' && given !== null && !Array.isArray(given)
    ? (given as Record<string, unknown>)
    : {};
}

function toBytes(message: unknown): Uint8Array {
  if (message instanceof Uint8Array) return message;
  return Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
}
