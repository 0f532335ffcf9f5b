/** Links on which clients send: to a hub or one of its partitions. */

import type { Delivery, Link } from './amqp/link.ts';
import type { AmqpError } from './amqp/performatives.ts';
import { MalformedValue } from './amqp/values.ts';
import { type Hub, partitionIn } from './broker.ts';
import { type Core, pathOf } from './core.ts';
import { inspect, MalformedMessage, splitBatch } from './encoding.ts';
import { CAPABILITY, type NumberedEvent } from './idempotence.ts';
import { badPartition, notFound, REFUSALS } from './refusals.ts';

/** https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas */
export const MAX_MESSAGE_BYTES: number = 1024 * 1024;
const MAX_KEY_LENGTH = 128;
const BATCH_FORMAT = 0x80013700;
const DEFAULT_DELAY_MS = 100;

export function openProducer(link: Link, core: Core): void {
  const address = pathOf(link.attach.target.address);
  const [hubName = '', section, id, ...more] = address.split('/');
  const hub = core.broker.hub(hubName);
  if (!hub) return link.refuse(notFound(hubName));
  if ((section !== undefined && section.toLowerCase() !== 'partitions') || more.length > 0)
    return link.refuse(notFound(address));
  const partition = section === undefined ? undefined : partitionIn(hub, id);
  if (section !== undefined && partition === undefined) return link.refuse(badPartition(id ?? ''));
  if (!core.allowed(link.connection, address, 'Send')) return link.refuse(REFUSALS.unauthorized);
  const fault = core.faults.take('refuse', hub.name, partition);
  if (fault) return link.refuse({ ...REFUSALS.throttled, ...conditionOf(fault) });
  core.register(link, { hub: hub.name, partition, entity: address, right: 'Send' });
  link.onMessage = (delivery) => core.track(receive(delivery, link, hub, partition, core));
  const log = partition === undefined ? undefined : hub.partitions[partition];
  // Without a partition there is nothing to number; clients ask all the same, to learn the size of a batch.
  if (!log || !link.attach.desiredCapabilities.includes(CAPABILITY))
    return link.accept({ maxMessageSize: MAX_MESSAGE_BYTES });
  const properties = core.producers.join(link, log, (other) => other.close(REFUSALS.producerStolen));
  if (!properties) return link.refuse(REFUSALS.producerStolen);
  link.accept({ maxMessageSize: MAX_MESSAGE_BYTES, capabilities: [CAPABILITY], properties });
}

const conditionOf = ({ condition }: { readonly condition?: string }) => (condition ? { condition } : {});

async function receive(
  delivery: Delivery,
  link: Link,
  hub: Hub,
  partition: number | undefined,
  core: Core,
): Promise<void> {
  const refused = core.faults.take('reject', hub.name, partition);
  if (refused) return delivery.reject({ ...REFUSALS.throttled, ...conditionOf(refused) });
  const delayed = core.faults.take('delay', hub.name, partition);
  if (delayed) await new Promise((resolve) => setTimeout(resolve, delayed.delayMs ?? DEFAULT_DELAY_MS));
  const refusal = await store(delivery, hub, partition, core);
  if (refusal) delivery.reject(refusal);
  else if (core.faults.take('dropAck', hub.name, partition)) link.connection.destroy();
  else delivery.accept();
}

/** Resolves when the events are on disk, or to why they are not. */
async function store(
  { format, message }: Delivery,
  hub: Hub,
  partition: number | undefined,
  core: Core,
): Promise<AmqpError | undefined> {
  if (!message) return REFUSALS.tooLarge;
  try {
    const { partitionKey, events } = eventsOf(message, format);
    if (partitionKey !== undefined && partition !== undefined) return REFUSALS.keyAndPartition;
    if (partitionKey !== undefined && partitionKey.length > MAX_KEY_LENGTH) return REFUSALS.keyTooLong;
    if (core.broker.isFull(hub)) return REFUSALS.full;
    if (!core.meter.take(events.length, message.length)) return REFUSALS.throttled;
    const outcome = await core.producers.append(core.broker.route(hub, partition, partitionKey), events);
    return outcome === 'stored' ? undefined : REFUSALS[outcome];
  } catch (error) {
    const isMalformed = error instanceof MalformedMessage || error instanceof MalformedValue;
    const condition = isMalformed ? 'amqp:decode-error' : 'amqp:internal-error';
    return { condition, description: error instanceof Error ? error.message : String(error) };
  }
}

/** @throws MalformedMessage, MalformedValue */
function eventsOf(
  message: Buffer,
  format: number,
): { readonly partitionKey: string | undefined; readonly events: readonly NumberedEvent[] } {
  const batch = format === BATCH_FORMAT ? splitBatch(message) : undefined;
  const messages = batch?.messages ?? [message];
  const facts = messages.map(inspect);
  const partitionKey = batch?.partitionKey ?? facts[0]?.partitionKey;
  return {
    partitionKey,
    events: messages.map((each, index) => ({
      message: each,
      producing: facts[index]?.producing,
      partitionKey,
    })),
  };
}
