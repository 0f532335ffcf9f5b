/**
 * Supports producers that retry without duplicates: each names itself, and numbers its events per partition.
 *
 * I1 An event that is already stored is accepted again but not stored again, even while its first answer is still on its way.
 * I2 A gap is refused, and so is a producer of a lower epoch.
 * I3 After a restart the last number of a producer is found in the log's newest events.
 *
 * https://learn.microsoft.com/azure/event-hubs/event-hubs-features-overview (partition publishing)
 */
import { randomInt } from 'node:crypto';
import type { Link } from './amqp/link.ts';
import { int, long, short16 } from './amqp/values.ts';
import { inspect, type Producing } from './encoding.ts';
import type { PartitionLog } from './partition-log.ts';
import type { NewEvent } from './segment.ts';

export const CAPABILITY = 'com.microsoft:idempotent-producer';
const ID = 'com.microsoft:producer-id';
const EPOCH = 'com.microsoft:producer-epoch';
const SEQUENCE = 'com.microsoft:producer-sequence-number';
const MAX_ID = 2 ** 40;
/** Number of newest events of a partition that are searched for an unknown producer. */
const SEARCHED = 10_000;
const SEARCH_STEP = 500;
/** Number of producers that a partition remembers. */
const MAX_KNOWN = 10_000;

interface Producer {
  epoch: number;
  last: number;
  /** Settles when all of its accepted events are on disk. */
  stored: Promise<unknown>;
  readonly links: Set<Link>;
}

export interface NumberedEvent extends NewEvent {
  readonly producing: Producing | undefined;
}

export interface Producers {
  /** The answer to the attach; undefined: the producer's epoch is too low. */
  join(link: Link, log: PartitionLog, stolen: (link: Link) => void): Record<string, Buffer> | undefined;
  /** Stores the new events. */
  append(
    log: PartitionLog,
    events: readonly NumberedEvent[],
  ): Promise<'stored' | 'outOfOrder' | 'producerStolen'>;
}

export function createProducers(): Producers {
  const known = new WeakMap<PartitionLog, Map<number, Producer>>();
  const producersOf = (log: PartitionLog) => {
    const found = known.get(log) ?? new Map<number, Producer>();
    known.set(log, found);
    return found;
  };
  const find = (log: PartitionLog, id: number, epoch: number, isNew = false) => {
    const producers = producersOf(log);
    let producer = producers.get(id);
    if (!producer) {
      const found = isNew ? undefined : lastOf(log, id);
      producer = {
        epoch: found?.epoch ?? epoch,
        last: found?.sequence ?? 0,
        stored: Promise.resolve(),
        links: new Set(),
      };
      producers.set(id, producer);
      if (producers.size > MAX_KNOWN) forgetOldest(producers);
    }
    return producer;
  };
  return {
    join: (link, log, stolen) => {
      const { properties } = link.attach;
      const given = (name: string) => {
        const value = properties.get(name);
        return typeof value === 'number' ? value : undefined;
      };
      const givenId = given(ID);
      const id = givenId ?? randomInt(1, MAX_ID);
      const producer = find(log, id, given(EPOCH) ?? 0, givenId === undefined);
      for (const other of producer.links) if (!other.isOpen) producer.links.delete(other);
      const epoch = given(EPOCH) ?? producer.epoch;
      if (epoch < producer.epoch) return undefined;
      const sequence = given(SEQUENCE) ?? producer.last;
      if (epoch > producer.epoch) {
        producer.epoch = epoch;
        for (const other of producer.links) stolen(other);
        producer.last = sequence;
      } else producer.last = Math.max(producer.last, sequence);
      producer.links.add(link);
      // The client's own number is returned: it may not know yet that more was stored, and numbers its repetitions by it.
      return { [ID]: long(id), [EPOCH]: short16(epoch), [SEQUENCE]: int(sequence) };
    },
    append: async (log, events) => {
      const [{ producing }] = events as [NumberedEvent];
      if (!producing) {
        await log.append(events);
        return 'stored';
      }
      const producer = find(log, producing.id, producing.epoch);
      if (producing.epoch < producer.epoch) return 'producerStolen';
      const fresh = events.filter((event) => (event.producing?.sequence ?? 0) > producer.last);
      const isInOrder = fresh.every(
        ({ producing: each }, index) => each?.sequence === producer.last + 1 + index,
      );
      if (!isInOrder) return 'outOfOrder';
      const before = producer.last;
      producer.last += fresh.length;
      const earlier = producer.stored;
      const stored = fresh.length > 0 ? Promise.all([earlier, log.append(fresh)]) : earlier;
      producer.stored = stored.catch(() => {
        producer.last = Math.min(producer.last, before);
      });
      await stored;
      return 'stored';
    },
  };
}

/** It can be forgotten: when it returns, the log has its number. */
function forgetOldest(producers: Map<number, Producer>): void {
  for (const [id, { links }] of producers) {
    if ([...links].some(({ isOpen }) => isOpen)) continue;
    producers.delete(id);
    return;
  }
}

/** Finds a producer's last number in the log's newest events. */
function lastOf(log: PartitionLog, id: number): Producing | undefined {
  for (let end = log.last + 1; end > Math.max(log.first, log.last + 1 - SEARCHED); end -= SEARCH_STEP) {
    const start = Math.max(log.first, end - SEARCH_STEP);
    let newest: Producing | undefined;
    for (let at = start; at < end; ) {
      const events = log.read(at, end - at);
      if (events.length === 0) break;
      for (const { message } of events) {
        const { producing } = inspect(message);
        if (producing?.id === id) newest = producing;
      }
      at += events.length;
    }
    if (newest) return newest;
  }
  return undefined;
}
