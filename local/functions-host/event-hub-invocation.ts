/** A batch of events as the trigger hands it to its function: data, metadata beside it, and the trace that it belongs to. */
import type { ReceivedEventData } from '@azure/event-hubs';
import type { FunctionDefinition, Invocation, RpcTypedData } from './contract.ts';
import { textOf } from './settings.ts';

export interface Where {
  readonly hub: string;
  readonly group: string;
  readonly partitionId: string;
  readonly namespace: string;
}

export function invocationOf(
  definition: FunctionDefinition,
  events: readonly ReceivedEventData[],
  where: Where,
): Invocation {
  const { trigger } = definition;
  const single = trigger['cardinality'] === 'one';
  const binary = textOf(trigger['dataType']).toLowerCase() === 'binary';
  const bytes = events.map(({ body }) => bytesOf(body));
  const texts = () => bytes.map((each) => each.toString('utf8'));
  const data: RpcTypedData = single
    ? binary
      ? { bytes: bytes[0] as Buffer }
      : { string: texts()[0] as string }
    : binary
      ? { collectionBytes: { bytes } }
      : { collectionString: { string: texts() } };
  const json = (value: unknown): RpcTypedData => ({ json: JSON.stringify(value) });
  const properties = events.map((event) => event.properties ?? {});
  const system = events.map((event) => ({
    SequenceNumber: event.sequenceNumber,
    Offset: event.offset,
    PartitionKey: event.partitionKey,
    EnqueuedTimeUtc: event.enqueuedTimeUtc,
    ...event.systemProperties,
  }));
  const partitionContext = json({
    FullyQualifiedNamespace: where.namespace,
    EventHubName: where.hub,
    ConsumerGroup: where.group,
    PartitionId: where.partitionId,
    IsCheckpointingAfterInvocation: true,
  });
  const [first] = events as [ReceivedEventData];
  const triggerMetadata: Record<string, RpcTypedData> = single
    ? {
        PartitionContext: partitionContext,
        PartitionKey: { string: first.partitionKey ?? '' },
        Offset: { string: first.offset },
        SequenceNumber: { int: first.sequenceNumber },
        EnqueuedTimeUtc: json(first.enqueuedTimeUtc),
        Properties: json(properties[0]),
        SystemProperties: json(system[0]),
      }
    : {
        PartitionContext: partitionContext,
        PartitionKeyArray: {
          collectionString: { string: events.map(({ partitionKey }) => partitionKey ?? '') },
        },
        OffsetArray: { collectionString: { string: events.map(({ offset }) => offset) } },
        SequenceNumberArray: {
          collectionSint64: { sint64: events.map(({ sequenceNumber }) => sequenceNumber) },
        },
        EnqueuedTimeUtcArray: json(events.map(({ enqueuedTimeUtc }) => enqueuedTimeUtc)),
        PropertiesArray: json(properties),
        SystemPropertiesArray: json(system),
      };
  const traceparent = properties[0]?.['traceparent'];
  return {
    inputs: [{ name: trigger.name, data }],
    triggerMetadata,
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
  };
}

/** Bodies come as the bytes that were sent; a body of another AMQP section (a value, a sequence) as JSON. */
function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(JSON.stringify(body) ?? '');
}
