/**
 * The inbox of a saga: external events, kept in the saga's partition until the orchestration has dealt with them.
 *
 * B1 An event is stored once, no matter how often it is put.
 * B2 Events are read in the order of arrival; those of one millisecond in the order they happened.
 * B3 A handled event is read again only by an orchestration that begins with an empty memory.
 * B4 The write that puts an event counts it in the saga's document (`mail`), so that an activity, which writes that document
 *    anyway, sees without a read that there is nothing new. An event that comes before its saga is not counted: an
 *    orchestration begins by reading all.
 */
import type { JSONObject, OperationInput, PatchOperation } from '@azure/cosmos';
import type { Store } from '../cosmos/store.ts';
import { unlessConflict, WriteConflict } from '../cosmos/write-conflict.ts';
import { AppError } from '../errors.ts';
import type { Signal, StepInput } from './protocol.ts';
import type { SagaDocument } from './saga-document.ts';

export const INBOX_TTL_SECONDS = 30 * 24 * 3600;

export interface InboxItem extends Signal {
  /** `inbox-${eventId}` */
  readonly id: string;
  readonly type: 'inbox';
  readonly receivedAt: number;
  readonly ttl: number;
}

export interface Received extends InboxItem {
  readonly handled: boolean;
}

/** New signals, and the count of all that they bring the orchestration to. */
export interface Mail {
  readonly signals: readonly Signal[];
  readonly mail: number;
}

export interface Inbox<State extends SagaDocument> {
  put(sagaId: string, signal: Signal): Promise<void>;
  /** The new signals, or all. With the state that the activity has just written, nothing is read where there is nothing new. */
  exchange(input: Pick<StepInput, 'id' | 'signals' | 'mail'>, state?: State): Promise<Mail>;
  /** The saga's document with all that lies in its inbox. */
  read(
    sagaId: string,
  ): Promise<{ readonly state: State | undefined; readonly received: readonly Received[] }>;
}

export interface InboxOptions<State extends SagaDocument> {
  readonly store: Store<State>;
  /** Id of the saga's document within its partition. */
  readonly documentId: string;
  /** The field that is the container's partition key, with the saga's id. */
  readonly partition: (sagaId: string) => Readonly<Record<string, string>>;
  /** Which signals an orchestration with an empty memory is told. */
  readonly retold: (all: readonly Received[], state: State | undefined) => readonly Received[];
  readonly now: () => Date;
}

export function createInbox<State extends SagaDocument>({
  store,
  documentId,
  partition,
  retold,
  now,
}: InboxOptions<State>): Inbox<State> {
  const read: Inbox<State>['read'] = async (sagaId) => {
    const sql = "SELECT * FROM c WHERE c.type = 'inbox' OR c.id = @documentId";
    const { items } = await store.query<InboxItem | State>(sql, { documentId }, { partitionKey: sagaId });
    const state = items.find((item): item is State => item.id === documentId);
    const handled = new Set(state?.handled);
    const received = items
      .filter((item): item is InboxItem => item.id !== documentId)
      .map((item) => ({ ...item, handled: handled.has(item.eventId) }));
    return { state, received: received.toSorted(byArrival) };
  };

  const create = async (item: InboxItem, sagaId: string): Promise<void> => {
    const operations: OperationInput[] = [
      { operationType: 'Create', resourceBody: item as unknown as JSONObject },
      { operationType: 'Patch', id: documentId, resourceBody: { operations: [...COUNTED] } },
    ];
    try {
      await store.batch(sagaId, operations);
    } catch (error) {
      if (error instanceof WriteConflict) await store.patch(documentId, sagaId, COUNTED);
      else if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
      else {
        await unlessConflict(() => store.create<InboxItem>(item), 'exists');
        // The saga may have begun, and have read its inbox, since the batch.
        await store.patch(documentId, sagaId, COUNTED);
      }
    }
  };

  return {
    read,
    put: (sagaId, signal) => {
      const item: InboxItem = {
        ...signal,
        ...partition(sagaId),
        id: `inbox-${signal.eventId}`,
        type: 'inbox',
        receivedAt: now().getTime(),
        ttl: INBOX_TTL_SECONDS,
      };
      return create(item, sagaId);
    },
    exchange: async ({ id, signals, mail }, state) => {
      if (state && signals === 'new' && state.mail === mail) return { signals: [], mail };
      const { state: current, received } = await read(id);
      const told = signals === 'new' ? received.filter(({ handled }) => !handled) : retold(received, current);
      return { signals: told.map(signalOf), mail: current?.mail ?? mail };
    },
  };
}

/** A repetition counts, too: it may be that only the count of the first one is missing. */
const COUNTED: readonly PatchOperation[] = [{ op: 'incr', path: '/mail', value: 1 }];

function byArrival(a: InboxItem, b: InboxItem): number {
  return a.receivedAt - b.receivedAt || Date.parse(a.at) - Date.parse(b.at);
}

function signalOf({ eventId, kind, at, facts }: InboxItem): Signal {
  return { eventId, kind, at, facts };
}
