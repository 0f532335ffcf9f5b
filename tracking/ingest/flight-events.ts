/**
 * Takes flight events up to the hub: checks, publishes and acknowledges them.
 *
 * E1 an event is acknowledged only after the broker has it; a repeated event is acknowledged again, not published again.
 * E2 a drone's events are published in the order in which it sent them: when one fails, those behind it fail, too, and the
 *    drone repeats them all.
 * E3 a refused event is never published.
 */
import type { FlightEvent } from '../../shared/contracts/flight.ts';
import type { PublishFlightEvents } from '../ports.ts';
import type { Refusal } from './check-event.ts';

export interface FlightEventsOptions {
  readonly publish: PublishFlightEvents;
  readonly check: (event: FlightEvent, droneId: string) => Refusal | undefined;
  /** No event can be checked before the state is rebuilt. */
  readonly ready: Promise<void>;
  readonly onOutcome?: (event: FlightEvent, outcome: Outcome) => void;
}

export type Outcome =
  | { readonly kind: 'published' }
  | { readonly kind: 'repeated' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The broker did not answer; the drone will repeat it. */
  | { readonly kind: 'unanswered'; readonly error: unknown };

export interface FlightEvents {
  readonly handle: (event: FlightEvent, droneId: string) => Promise<Outcome>;
  /** Tracking's own events: no check. */
  readonly assert: (event: FlightEvent) => Promise<Outcome>;
  /** Resolves when nothing is under way. */
  readonly settled: () => Promise<void>;
}

interface Waiting {
  readonly event: FlightEvent;
  readonly done: (outcome: Outcome) => void;
}

const MAX_REMEMBERED = 20_000;
const MAX_BATCH = 50;

export function createFlightEvents(options: FlightEventsOptions): FlightEvents {
  const { publish, check, ready, onOutcome } = options;
  const published = new Set<string>();
  const underWay = new Map<string, Promise<Outcome>>();
  const queues = new Map<string, Waiting[]>();

  const keyOf = ({ droneId, eventId }: FlightEvent) => `${droneId}/${eventId}`;
  const remember = (event: FlightEvent) => {
    published.add(keyOf(event));
    if (published.size > MAX_REMEMBERED) published.delete(published.values().next().value as string);
  };

  const drain = async (droneId: string, queue: Waiting[]) => {
    while (queue.length > 0) {
      const batch = queue.slice(0, MAX_BATCH);
      try {
        await publish(batch.map(({ event }) => event));
      } catch (error) {
        for (const { done } of queue.splice(0)) done({ kind: 'unanswered', error });
        break;
      }
      queue.splice(0, batch.length);
      for (const { event, done } of batch) {
        remember(event);
        done({ kind: 'published' });
      }
    }
    queues.delete(droneId);
  };

  const enqueue = (event: FlightEvent): Promise<Outcome> => {
    const { promise, resolve: done } = Promise.withResolvers<Outcome>();
    const queue = queues.get(event.droneId);
    if (queue) queue.push({ event, done });
    else {
      const first: Waiting[] = [{ event, done }];
      queues.set(event.droneId, first);
      void drain(event.droneId, first);
    }
    return promise;
  };

  const once = (event: FlightEvent, work: () => Promise<Outcome>): Promise<Outcome> => {
    const key = keyOf(event);
    const running = underWay.get(key);
    if (running) return running;
    const mine = work().finally(() => underWay.delete(key));
    underWay.set(key, mine);
    return mine;
  };

  const told = (event: FlightEvent, outcome: Outcome): Outcome => {
    onOutcome?.(event, outcome);
    return outcome;
  };

  return {
    handle: (event, droneId) =>
      once(event, async () => {
        await ready;
        if (event.droneId === droneId && published.has(keyOf(event))) {
          return told(event, { kind: 'repeated' });
        }
        const refusal = check(event, droneId);
        return told(event, refusal ? { kind: 'refused', refusal } : await enqueue(event));
      }),
    assert: (event) => once(event, async () => told(event, await enqueue(event))),
    settled: async () => {
      await Promise.all(underWay.values());
    },
  };
}
