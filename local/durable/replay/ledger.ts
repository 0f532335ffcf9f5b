/**
 * Assigns the sequence numbers of a replay: gives each scheduled action its number, finds it in the history or records it as new, and
 * keeps the open ones. It maintains the invariants A1, A3 and A4 of replay.ts.
 */
import { ReplayError, type Scheduled } from '../action-types.ts';
import { EventType, type HistoryEvent, isScheduled } from '../history.ts';

/** Called with the event that ends the scheduled action. */
export type Ended = (failed: boolean, event: HistoryEvent) => void;

export interface Ledger {
  /** The time of the episode that is being replayed; ms since the epoch. */
  now: number;
  readonly scheduled: readonly Scheduled[];
  /** Timers that the orchestrator cancelled. */
  readonly cancelled: readonly number[];
  /** Nothing is open. */
  isEmpty(): boolean;
  /** The next number. */
  next(): number;
  /** Reserves a number for an action that is scheduled later. */
  reserve(): number;
  /** @param number default: the next. @throws ReplayError when the history has a different action with that number */
  schedule(
    type: number,
    fields: Readonly<Record<string, unknown>>,
    input?: string | null,
    number?: number,
  ): HistoryEvent;
  open(event: HistoryEvent, ended: Ended): void;
  cancel(event: HistoryEvent): void;
  /** Ends the action whose result is `event`; a result for an unknown or ended action changes nothing. */
  end(event: HistoryEvent): void;
  /** @throws ReplayError when an action in the history was not scheduled again */
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

/** Whether kind and name are the same, ignoring case. */
function isSame(before: HistoryEvent, type: number, fields: Readonly<Record<string, unknown>>): boolean {
  const name = 'Name' in fields ? String(fields['Name']) : '';
  return before.EventType === type && name.toLowerCase() === (before.Name ?? '').toLowerCase();
}

function mismatch(event: HistoryEvent): string {
  const named = event.Name ? ` and name '${event.Name}'` : '';
  return `Non-Deterministic workflow detected: a previous execution scheduled an event of type ${event.EventType} with sequence ID ${event.EventId}${named}, but the current replay does not schedule it at this point. Was a change made to the orchestrator code after this instance had already started running?`;
}
