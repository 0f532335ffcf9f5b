/** Sends an orchestration's messages to entities: calls, signals, and the requests and releases of a critical section. */
import { randomUUID } from 'node:crypto';
import type { Action } from '../action-types.ts';
import { EventType } from '../history.ts';
import type { Ledger } from './ledger.ts';

/** .NET's earliest time: there was no previous message. */
const NEVER = '0001-01-01T00:00:00';

export interface EntityMessages {
  /** Returns the id of the request, which names the event that answers it. */
  send(action: Action, isSignal: boolean): string;
  /** Returns the id of the request, as `send` does. */
  lock(action: Action): string;
  /** Releases the locks of the last `lock`. */
  release(): void;
}

export function createEntityMessages(
  ledger: Ledger,
  sender: { readonly id: string; readonly execution: string },
): EntityMessages {
  const { id: parent, execution: parentExecution } = sender;
  const orderingOf = createOrdering(ledger);
  let held: readonly { readonly name: string; readonly key: string }[] = [];
  let lockId = '';
  const schedule = (target: string, name: string, request: object) =>
    ledger.schedule(EventType.EventSent, { InstanceId: target, Name: name, Input: JSON.stringify(request) });
  return {
    send(action, isSignal) {
      const target = String(action.instanceId);
      const event = schedule(target, 'op', {
        op: action.operation ?? null,
        ...(isSignal ? { signal: true } : {}),
        ...(action.input === undefined || action.input === null
          ? {}
          : { input: JSON.stringify(action.input) }),
        id: randomUUID(),
        parent,
        parentExecution,
        ...orderingOf(target),
        ...(action.fireAt ? { due: action.fireAt } : {}),
        requestTime: new Date(ledger.now).toISOString().replace(/Z$/, '+00:00'),
      });
      // A replay finds the request that was sent, with its id.
      return (JSON.parse(String(event.Input)) as { id: string }).id;
    },
    lock(action) {
      held = action.lockSet ?? [];
      lockId = action.lockRequestId ?? '';
      const [first] = held;
      const target = `@${first?.name.toLowerCase()}@${first?.key}`;
      schedule(target, 'op', {
        op: null,
        id: lockId,
        parent,
        parentExecution,
        ...orderingOf(target),
        lockset: held,
      });
      return lockId;
    },
    release() {
      for (const { name, key } of held)
        schedule(`@${name.toLowerCase()}@${key}`, 'release', { parent, id: lockId });
      held = [];
    },
  };
}

/**
 * When a message and the one before it to the same entity were sent. Two in one moment differ by a tick (100 ns), which
 * .NET writes without a zone (Azure/durabletask, MessageSorter.cs).
 */
function createOrdering(ledger: Ledger) {
  const lastSent = new Map<string, { at: number; ticks: number; Timestamp: string }>();
  return (target: string) => {
    const { now } = ledger;
    const last = lastSent.get(target);
    const ticks = last?.at === now ? last.ticks + 1 : 0;
    const text = new Date(now).toISOString();
    const Timestamp = ticks === 0 ? text : `${text.slice(0, -1)}${String(ticks).padStart(4, '0')}`;
    lastSent.set(target, { at: now, ticks, Timestamp });
    return { Timestamp, Predecessor: last?.Timestamp ?? NEVER };
  };
}
