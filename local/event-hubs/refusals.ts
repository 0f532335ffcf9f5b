/** The error conditions of the service, from which clients make their errors. */
import type { AmqpError } from './amqp/performatives.ts';

export const REFUSALS = {
  unauthorized: {
    condition: 'amqp:unauthorized-access',
    description: 'Unauthorized access: this needs the right and a valid token.',
  },
  expired: {
    condition: 'amqp:unauthorized-access',
    description: 'The link is closed because its token has expired.',
  },
  stolen: {
    condition: 'amqp:link:stolen',
    description: 'New receiver with higher epoch is created hence current receiver is getting disconnected.',
  },
  lowerEpoch: {
    condition: 'amqp:link:stolen',
    description: 'Receiver is refused: a receiver with a higher epoch exists.',
  },
  producerStolen: {
    condition: 'com.microsoft:producer-epoch-stolen',
    description: 'A producer of this id with a higher epoch exists.',
  },
  outOfOrder: {
    condition: 'com.microsoft:out-of-order-sequence',
    description: 'The sequence number is not the one after the last that was published.',
  },
  connections: {
    condition: 'amqp:resource-limit-exceeded',
    description: 'ConnectionsQuotaExceeded for namespace: local-event-hubs.',
  },
  diskFull: {
    condition: 'com.microsoft:server-busy',
    description: 'The disk of the broker is full: try again.',
  },
  full: {
    condition: 'amqp:resource-limit-exceeded',
    description: 'The event hub has reached its maximum size.',
  },
  beyond: {
    condition: 'com.microsoft:argument-error',
    description: 'The supplied position is beyond the last event of the partition.',
  },
  malformed: {
    condition: 'com.microsoft:argument-error',
    description: 'The filter is not one that is known.',
  },
  keyTooLong: {
    condition: 'com.microsoft:argument-error',
    description: 'The partition key is longer than 128 characters.',
  },
  keyAndPartition: {
    condition: 'com.microsoft:argument-error',
    description: 'A partition key cannot be used with a sender of one partition.',
  },
  keyAndPublisher: {
    condition: 'com.microsoft:argument-error',
    description: 'The partition key of an event of a publisher must be the publisher’s name.',
  },
  tooLarge: {
    condition: 'amqp:link:message-size-exceeded',
    description: 'The message exceeds the maximum of 1048576 bytes.',
  },
  throttled: {
    condition: 'com.microsoft:server-busy',
    description: 'The request was terminated because the entity is being throttled.',
  },
} as const satisfies Record<string, AmqpError>;

export const notFound = (name: string): AmqpError => ({
  condition: 'amqp:not-found',
  description: `The messaging entity '${name}' could not be found.`,
});

export const tooManyReceivers = (most: number, names: readonly string[]): AmqpError => ({
  condition: 'amqp:resource-limit-exceeded',
  description: `Exceeded the maximum number of allowed receivers per partition in a consumer group which is ${most}. List of connected receivers - ${names.join(', ')}.`,
});

export const badPartition = (id: string): AmqpError => ({
  condition: 'com.microsoft:argument-out-of-range',
  description: `The specified partition is invalid for an EventHub partition sender or receiver: ${id}`,
});
