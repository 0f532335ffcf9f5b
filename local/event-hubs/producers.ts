/** Opens the links on which clients send: to a hub or one of its partitions, or as one of its publishers. */

import type { Delivery, Link } from './amqp/link.ts';
import type { AmqpError } from './amqp/performatives.ts';
import { MalformedValue, string } from './amqp/values.ts';
import { type Hub, partitionIn } from './broker.ts';
import { type BrokerContext, pathOf } from './broker-context.ts';
import { annotated, inspect, MalformedMessage, splitBatch } from './encoding.ts';
import { CAPABILITY, type NumberedEvent } from './idempotence.ts';
import { badPartition, notFound, REFUSALS } from './refusals.ts';

/** https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas */
export const MAX_MESSAGE_BYTES: number = 1024 * 1024;
const MAX_KEY_LENGTH = 128;
/** The publisher of an event, which is also its key: https://learn.microsoft.com/azure/event-hubs/event-hubs-features#publisher-policy */
const PUBLISHER = 'x-opt-publisher';
const BATCH_FORMAT = 0x80013700;
const DEFAULT_DELAY_MS = 100;

/** The target of a link. */
interface Destination {
  readonly hub: Hub;
  readonly partition: number | undefined;
  readonly publisher: string | undefined;
}

/** `hub`, `hub/Partitions/N` or `hub/Publishers/name`, or the reason why it is none of them. */
function destinationOf(address: string, core: BrokerContext): Destination | AmqpError {
  const [hubName = '', section, name = '', ...more] = address.split('/');
  const hub = core.broker.hub(hubName);
  if (!hub) return notFound(hubName);
  if (section === undefined) return { hub, partition: undefined, publisher: undefined };
  if (more.length > 0) return notFound(address);
  if (section.toLowerCase() === 'publishers' && name !== '')
    return name.length > MAX_KEY_LENGTH
      ? REFUSALS.keyTooLong
      : { hub, partition: undefined, publisher: name };
  if (section.toLowerCase() !== 'partitions') return notFound(address);
  const partition = partitionIn(hub, name);
  return partition === undefined ? badPartition(name) : { hub, partition, publisher: undefined };
}

export function openProducer(link: Link, core: BrokerContext): void {
  const address = pathOf(link.attach.target.address);
  const destination = destinationOf(address, core);
  if ('condition' in destination) return link.refuse(destination);
  const { hub, partition } = destination;
  if (!core.allowed(link.connection, address, 'Send')) return link.refuse(REFUSALS.unauthorized);
  const fault = core.faults.take('refuse', hub.name, partition);
  if (fault) return link.refuse({ ...REFUSALS.throttled, ...conditionOf(fault) });
  core.register(link, { hub: hub.name, partition, entity: address, right: 'Send' });
  link.onMessage = (delivery) => core.track(receive(delivery, link, destination, core));
  const log = partition === undefined ? undefined : hub.partitions[partition];
  // Without a partition there is nothing to number; clients still ask, to learn the size of a batch.
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
  destination: Destination,
  core: BrokerContext,
): Promise<void> {
  const { hub, partition } = destination;
  const refused = core.faults.take('reject', hub.name, partition);
  if (refused) return delivery.reject({ ...REFUSALS.throttled, ...conditionOf(refused) });
  const delayed = core.faults.take('delay', hub.name, partition);
  if (delayed) await new Promise((resolve) => setTimeout(resolve, delayed.delayMs ?? DEFAULT_DELAY_MS));
  const refusal = await store(delivery, destination, core);
  if (refusal) delivery.reject(refusal);
  else if (core.faults.take('dropAck', hub.name, partition)) link.connection.destroy();
  else delivery.accept();
}

/** Resolves when the events are on disk, or to the reason why they are not. */
async function store(
  { format, message }: Delivery,
  { hub, partition, publisher }: Destination,
  core: BrokerContext,
): Promise<AmqpError | undefined> {
  if (!message) return REFUSALS.tooLarge;
  try {
    const { partitionKey, events } = eventsOf(message, format, publisher);
    if (publisher !== undefined && partitionKey !== publisher) return REFUSALS.keyAndPublisher;
    if (partitionKey !== undefined && partition !== undefined) return REFUSALS.keyAndPartition;
    if (partitionKey !== undefined && partitionKey.length > MAX_KEY_LENGTH) return REFUSALS.keyTooLong;
    if (core.broker.isFull(hub)) return REFUSALS.full;
    if (!core.ingress.take(events.length, message.length)) return REFUSALS.throttled;
    const outcome = await core.producers.append(core.broker.route(hub, partition, partitionKey), events);
    if (outcome !== 'stored') return REFUSALS[outcome];
    core.disk.taken();
    return undefined;
  } catch (error) {
    if (core.disk.refused(error)) return REFUSALS.diskFull;
    const isMalformed = error instanceof MalformedMessage || error instanceof MalformedValue;
    const condition = isMalformed ? 'amqp:decode-error' : 'amqp:internal-error';
    return { condition, description: error instanceof Error ? error.message : String(error) };
  }
}

/** @throws MalformedMessage, MalformedValue */
function eventsOf(
  message: Buffer,
  format: number,
  publisher: string | undefined,
): { readonly partitionKey: string | undefined; readonly events: readonly NumberedEvent[] } {
  const batch = format === BATCH_FORMAT ? splitBatch(message) : undefined;
  const messages = batch?.messages ?? [message];
  const facts = messages.map(inspect);
  const partitionKey = batch?.partitionKey ?? facts[0]?.partitionKey ?? publisher;
  const events = messages.map((each, index) => ({
    message: publisher === undefined ? each : annotated(each, PUBLISHER, string(publisher)),
    producing: facts[index]?.producing,
    partitionKey,
  }));
  return { partitionKey, events };
}
