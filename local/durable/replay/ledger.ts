/**
 * The sequence numbers of a replay: gives each thing that is scheduled its number, finds it in the history or notes that it is new, and
 * keeps what is open. The invariants A1, A3 and A4 of replay.ts are kept here.
 */
import { ReplayError, type Scheduled } from '../action-types.ts';
import { EventType, type HistoryEvent, isScheduled } from '../history.ts';

/** Called with the event that ends what was scheduled. */
export type Ended = (failed: boolean, event: HistoryEvent) => void;

export interface Ledger {
  /** The time of the episode that is being replayed; ms since the epoch. */
  now: number;
  readonly scheduled: readonly Scheduled[];
  /** Timers that the orchestrator cancelled. */
  readonly cancelled: readonly number[];
  /** Nothing is open. */
  isEmpty(): boolean;
  /** The number that the next thing gets. */
  next(): number;
  /** Takes a number for something that is scheduled later. */
  reserve(): number;
  /** @param number default: the next. @throws ReplayError when the history has something else of that number */
  schedule(
    type: number,
    fields: Readonly<Record<string, unknown>>,
    input?: string | null,
    number?: number,
  ): HistoryEvent;
  open(event: HistoryEvent, ended: Ended): void;
  cancel(event: HistoryEvent): void;
  /** Ends what `event` is the result of; a result of something unknown, or ended before, changes nothing. */
  end(event: HistoryEvent): void;
  /** @throws ReplayError when something in the history was not scheduled again */
  check(): void;
}

export function createLedger(history: Iterable<{ readonly events: readonly HistoryEvent[] }>): Ledger {
  const past = new Map<number, HistoryEvent>();
  for (const { events } of history)
    for (const event of events) if (isScheduled(event)) past.set(event.EventId, event);
  const open = new Map<number, Ended>();
  const scheduled: Scheduled[] = [];
  const cancelled: number[] = [];
  let sequence = 0;
  const ledger: Ledger = {
    now: 0,
    scheduled,
    cancelled,
    isEmpty: () => open.size === 0,
    next: () => sequence,
    reserve: () => sequence++,
    schedule(type, fields, input = null, number = sequence++) {
      const before = past.get(number);
      if (before) {
        if (!isSame(before, type, fields)) throw new ReplayError(mismatch(before));
        past.delete(number);
        return before;
      }
      const event: HistoryEvent = {
        EventType: type,
        ...fields,
        EventId: number,
        IsPlayed: false,
        Timestamp: new Date(ledger.now).toISOString(),
      };
      scheduled.push({ event, input });
      return event;
    },
    open: (event, ended) => open.set(event.EventId, ended),
    cancel: (event) => cancelled.push(event.EventId),
    end(event) {
      const number = event.TaskScheduledId ?? event.TimerId;
      if (number === undefined) return;
      const ended = open.get(number);
      open.delete(number);
      ended?.(FAILURES.has(event.EventType), event);
    },
    check() {
      const [forgotten] = past.values();
      if (forgotten) throw new ReplayError(mismatch(forgotten));
    },
  };
  return ledger;
}

const FAILURES: ReadonlySet<number> = new Set([
  EventType.TaskFailed,
  EventType.SubOrchestrationInstanceFailed,
]);

/** The kind is the same, and the name but for its case. */
function isSame(before: HistoryEvent, type: number, fields: Readonly<Record<string, unknown>>): boolean {
  const name = 'Name' in fields ? String(fields['Name']) : '';
  return before.EventType === type && name.toLowerCase() === (before.Name ?? '').toLowerCase();
}

function mismatch(event: HistoryEvent): string {
  const named = event.Name ? ` and name '${event.Name}'` : '';
  return `Non-Deterministic workflow detected: a previous execution scheduled an event of type ${event.EventType} with sequence ID ${event.EventId}${named}, but the current replay does not schedule it at this point. Was a change made to the orchestrator code after this instance had already started running?`;
}
