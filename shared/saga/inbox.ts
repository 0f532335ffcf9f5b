/**
 * The inbox of a saga: external events, kept in the saga's partition until the orchestration has dealt with them.
 *
 * B1 An event is stored once, no matter how often it is put.
 * B2 Events are read in the order of arrival; those of one millisecond in the order they happened.
 * B3 A handled event is read again only by an orchestration that begins with an empty memory.
 */
import type { PatchOperation } from '@azure/cosmos';
import type { Store } from '../cosmos/store.ts';
import { unlessConflict } from '../cosmos/write-conflict.ts';
import type { Signal, StepInput } from './protocol.ts';

export const INBOX_TTL_SECONDS = 30 * 24 * 3600;

export interface InboxItem extends Signal {
  /** `inbox-${eventId}` */
  readonly id: string;
  readonly type: 'inbox';
  readonly receivedAt: number;
  readonly handled: boolean;
  readonly ttl: number;
}

export interface Inbox {
  put(sagaId: string, signal: Signal): Promise<void>;
  /** Marks the `handled` ones, then answers the new signals, or all. */
  exchange(input: Pick<StepInput, 'id' | 'handled' | 'signals'>): Promise<readonly Signal[]>;
  /** Signals of these kinds that have not been handled. */
  open(sagaId: string, kinds: readonly string[]): Promise<readonly Signal[]>;
}

export interface InboxOptions {
  readonly store: Store<InboxItem>;
  /** The field that is the container's partition key, with the saga's id. */
  readonly partition: (sagaId: string) => Readonly<Record<string, string>>;
  /** The signals that an orchestration with an empty memory gets. */
  readonly retold: (sagaId: string, all: readonly InboxItem[]) => Promise<readonly InboxItem[]>;
  readonly now: () => Date;
}

export function createInbox({ store, partition, retold, now }: InboxOptions): Inbox {
  const readAll = async (sagaId: string, filter = '', parameters = {}): Promise<readonly InboxItem[]> => {
    const sql = `SELECT * FROM c WHERE c.type = 'inbox' ${filter}`;
    return (await store.query(sql, parameters, { partitionKey: sagaId })).items.toSorted(byArrival);
  };
  return {
    put: async (sagaId, signal) => {
      const item: InboxItem = {
        ...signal,
        ...partition(sagaId),
        id: `inbox-${signal.eventId}`,
        type: 'inbox',
        receivedAt: now().getTime(),
        handled: false,
        ttl: INBOX_TTL_SECONDS,
      };
      await unlessConflict(() => store.create(item), 'exists');
    },
    exchange: async ({ id, handled, signals }) => {
      for (const eventId of handled) await store.patch(`inbox-${eventId}`, id, HANDLED);
      if (signals === 'new') return (await readAll(id, 'AND c.handled = false')).map(signalOf);
      return (await retold(id, await readAll(id))).map(signalOf);
    },
    open: async (sagaId, kinds) => {
      const filter = 'AND c.handled = false AND ARRAY_CONTAINS(@kinds, c.kind)';
      return (await readAll(sagaId, filter, { kinds })).map(signalOf);
    },
  };
}

const HANDLED: readonly PatchOperation[] = [{ op: 'set', path: '/handled', value: true }];

function byArrival(a: InboxItem, b: InboxItem): number {
  return a.receivedAt - b.receivedAt || Date.parse(a.at) - Date.parse(b.at);
}

function signalOf({ eventId, kind, at, facts }: InboxItem): Signal {
  return { eventId, kind, at, facts };
}
