/** Opens the links on which clients receive: from one partition, for a consumer group, with or without an epoch. */

import type { Link } from './amqp/link.ts';
import type { AmqpError } from './amqp/performatives.ts';
import { Described } from './amqp/values.ts';
import { DEFAULT_GROUP, partitionIn } from './broker.ts';
import { type BrokerContext, pathOf } from './broker-context.ts';
import { createReader, startOf } from './reader.ts';
import { badPartition, notFound, REFUSALS, tooManyReceivers } from './refusals.ts';

const MAX_READERS = 5;
const SELECTOR = 'apache.org:selector-filter:string';
const EPOCH = 'com.microsoft:epoch';
const NAME = 'com.microsoft:receiver-name';
const METRIC = 'com.microsoft:enable-receiver-runtime-metric';
const PATH = ['consumergroups', 'partitions'];

interface OpenReader {
  readonly link: Link;
  readonly epoch: number | undefined;
}

/** The receivers of each partition and group. */
export type Readers = Map<string, Set<OpenReader>>;

export function openConsumer(link: Link, core: BrokerContext, readers: Readers): void {
  const address = pathOf(link.attach.source.address);
  const [hubName = '', groups = '', group = DEFAULT_GROUP, partitions = '', id = '', ...more] =
    address.split('/');
  const hub = core.broker.hub(hubName);
  if (!hub) return link.refuse(notFound(hubName));
  const isPath = [groups, partitions].every((name, index) => name.toLowerCase() === PATH[index]);
  if (!isPath || more.length > 0) return link.refuse(notFound(address));
  if (!hub.consumerGroups.has(group.toLowerCase()))
    return link.refuse(notFound(`${hubName}/ConsumerGroups/${group}`));
  const partition = partitionIn(hub, id);
  const log = partition === undefined ? undefined : hub.partitions[partition];
  if (!log) return link.refuse(badPartition(id));
  if (!core.allowed(link.connection, address, 'Listen')) return link.refuse(REFUSALS.unauthorized);
  const fault = core.faults.take('refuse', hub.name, partition);
  if (fault)
    return link.refuse({ ...REFUSALS.throttled, condition: fault.condition ?? 'com.microsoft:server-busy' });
  const start = startOf(selectorOf(link), log);
  if (start === 'malformed' || start === 'beyond') return link.refuse(REFUSALS[start]);
  const key = `${hub.name}/${group.toLowerCase()}/${id}`;
  const others = readers.get(key) ?? new Set();
  const epoch = epochOf(link);
  const refusal = makeRoom(others, epoch);
  if (refusal) return link.refuse(refusal);
  const own = { link, epoch };
  readers.set(key, others.add(own));
  link.accept();
  const reader = createReader({
    link,
    log,
    from: start,
    withMetric: link.attach.desiredCapabilities.includes(METRIC),
    paused: () => core.faults.has('pause', hub.name, partition),
    egress: core.egress,
    now: core.now,
  });
  core.register(link, { hub: hub.name, partition, entity: address, right: 'Listen' }, () => {
    reader.stop();
    others.delete(own);
  });
}

/** Detaches the receivers that a new one replaces, or returns why it may not replace them. */
function makeRoom(others: ReadonlySet<OpenReader>, epoch: number | undefined): AmqpError | undefined {
  const highest = Math.max(-1, ...[...others].map((each) => each.epoch ?? -1));
  if (epoch === undefined) {
    if (highest >= 0) return REFUSALS.lowerEpoch;
    return others.size >= MAX_READERS ? tooManyReceivers(MAX_READERS, [...others].map(nameOf)) : undefined;
  }
  if (epoch < highest) return REFUSALS.lowerEpoch;
  for (const { link } of others) link.close(REFUSALS.stolen);
  return undefined;
}

/** The client's name for it. */
function nameOf({ link }: OpenReader): string {
  const name = link.attach.properties.get(NAME);
  return typeof name === 'string' ? name : link.attach.name;
}

function epochOf(link: Link): number | undefined {
  const epoch = link.attach.properties.get(EPOCH);
  return typeof epoch === 'number' ? epoch : undefined;
}

function selectorOf(link: Link): string | undefined {
  const filter = link.attach.source.filter.get(SELECTOR);
  const text = filter instanceof Described ? filter.value : filter;
  return typeof text === 'string' ? text : undefined;
}
