/**
 * Keeps the watchers of each delivery, and sends them its frames.
 *
 * F1 the snapshot comes first, then the changes after it.
 * F2 a stage reaches every watcher once per connection, in the order of its sequence; a watcher that reconnects with the
 *    last sequence that it saw gets the stages that it missed.
 * F3 when the delivery has ended, its stream ends.
 */
import type { WatchFrame, WatchPosition } from '../../shared/contracts/flight.ts';
import type { Delivery, StageChange } from '../state/deliveries.ts';
import type { Client } from './client.ts';
import { encode } from './encoded.ts';

export interface WatchersOptions {
  readonly find: (deliveryId: string) => Delivery | undefined;
  /** The current position of a delivery's drone, if it has one in the air. */
  readonly positionOf: (deliveryId: string) => WatchPosition | undefined;
  readonly isLinkLost: (deliveryId: string) => boolean;
  readonly now: () => number;
  readonly onPush?: (count: number, conflated: number) => void;
}

export interface Watchers {
  /** Undefined when the delivery no longer exists here. */
  readonly join: (deliveryId: string, client: Client, lastSeen: number | undefined) => void;
  readonly isWatched: (deliveryId: string) => boolean;
  readonly position: (deliveryId: string, position: WatchPosition) => void;
  readonly stage: (delivery: Delivery, change: StageChange, ended: boolean) => void;
  readonly link: (deliveryId: string, state: 'live' | 'lost', at: string) => void;
  readonly clients: () => Iterable<Client>;
  readonly count: () => number;
}

const ENDED_CODE = 1000;

export function createWatchers(options: WatchersOptions): Watchers {
  const { find, positionOf, isLinkLost, now, onPush } = options;
  const topics = new Map<string, Set<Client>>();
  let total = 0;

  const leave = (deliveryId: string, client: Client) => {
    const topic = topics.get(deliveryId);
    if (!topic?.delete(client)) return;
    total -= 1;
    if (topic.size === 0) topics.delete(deliveryId);
  };

  const all = (deliveryId: string, frame: WatchFrame, id?: number) => {
    const topic = topics.get(deliveryId);
    if (!topic) return;
    const encoded = encode(frame, id);
    for (const client of topic) client.send(encoded);
    onPush?.(topic.size, 0);
  };

  return {
    join: (deliveryId, client, lastSeen) => {
      const delivery = find(deliveryId);
      if (!delivery) {
        client.end(ENDED_CODE, 'not found');
        return;
      }
      const missed = lastSeen === undefined ? [] : missedSince(delivery, lastSeen);
      const snapshot = snapshotOf(delivery, positionOf(deliveryId));
      client.send(encode(snapshot, missed.length > 0 ? undefined : delivery.sequence));
      for (const change of missed) client.send(encode({ type: 'stage', ...change }, change.sequence));
      const last = delivery.stages.at(-1);
      if (delivery.endedAt !== undefined && last) {
        client.send(encode({ type: 'end', ...last }, last.sequence));
        client.end(ENDED_CODE, 'ended');
        return;
      }
      if (isLinkLost(deliveryId)) {
        client.send(encode({ type: 'link', state: 'lost', at: new Date(now()).toISOString() }));
      }
      const topic = topics.get(deliveryId) ?? new Set();
      topics.set(deliveryId, topic.add(client));
      total += 1;
      client.onClose(() => leave(deliveryId, client));
    },
    isWatched: (deliveryId) => topics.has(deliveryId),
    position: (deliveryId, position) => {
      const topic = topics.get(deliveryId);
      if (!topic) return;
      const encoded = encode({ type: 'position', position });
      let conflated = 0;
      for (const client of topic) if (!client.sendLatest(encoded)) conflated += 1;
      onPush?.(topic.size, conflated);
    },
    stage: ({ deliveryId }, change, ended) => {
      all(deliveryId, { type: 'stage', ...change }, change.sequence);
      if (!ended) return;
      all(deliveryId, { type: 'end', ...change }, change.sequence);
      for (const client of topics.get(deliveryId) ?? []) {
        leave(deliveryId, client);
        client.end(ENDED_CODE, 'ended');
      }
    },
    link: (deliveryId, state, at) => all(deliveryId, { type: 'link', state, at }),
    *clients() {
      for (const topic of topics.values()) yield* topic;
    },
    count: () => total,
  };
}

const missedSince = ({ stages }: Delivery, lastSeen: number) =>
  stages.filter(({ sequence }) => sequence > lastSeen);

function snapshotOf(delivery: Delivery, position: WatchPosition | undefined): WatchFrame {
  const { deliveryId, stage, sequence, pickup, dropoff, base } = delivery;
  return {
    type: 'snapshot',
    deliveryId,
    stage,
    ...(sequence >= 0 ? { sequence } : {}),
    ...(pickup ? { pickup } : {}),
    ...(dropoff ? { dropoff } : {}),
    ...(base ? { base } : {}),
    ...(position ? { position } : {}),
  };
}
