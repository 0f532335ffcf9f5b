/** Keeps the state of one delivery up to date: its stream, and at a few moments the request's status and events. */
import { type Signal, signal } from '@preact/signals';
import type { WatchFrame } from '../../shared/contracts/flight.ts';
import { getRequest, listDeliveryEvents } from '../../shared/contracts/routes.gen.ts';
import type { Call } from '../server/call.ts';
import { backoff, pause } from '../server/pause.ts';
import { type ApiProblem, asProblem } from '../server/problem.ts';
import type { Follow } from '../server/stream.ts';
import { createServerClock } from './clock.ts';
import { type Change, type DeliveryState, newDelivery, reduce, type Status } from './state.ts';

export interface Following {
  readonly state: Signal<DeliveryState>;
  readonly problem: Signal<ApiProblem | undefined>;
  readonly serverNow: () => number;
  /** Reads the status until it satisfies, at most `attempts` times. */
  readonly settle: (isSettled: (status: Status) => boolean, attempts?: number) => Promise<void>;
  readonly stop: () => void;
}

export interface FollowingOptions {
  readonly call: Call;
  readonly follow: Follow;
}

export function followDelivery({ call, follow }: FollowingOptions, deliveryId: string): Following {
  const params = { deliveryId };
  const state = signal(newDelivery(deliveryId));
  const problem = signal<ApiProblem | undefined>(undefined);
  const clock = createServerClock();
  const stopped = new AbortController();
  const { signal: stop } = stopped;
  const serverNow = () => clock.now(Date.now());
  const apply = (change: Change) => {
    if (!stop.aborted) state.value = reduce(state.peek(), change);
  };

  const readStatus = async (): Promise<Status> => {
    const status = await call(getRequest, { params, signal: stop });
    apply({ kind: 'status', status });
    return status;
  };
  const readEvents = async () => {
    const { events } = await call(listDeliveryEvents, { params, signal: stop });
    apply({ kind: 'events', events });
  };
  const settle: Following['settle'] = async (isSettled, attempts = 20) => {
    for (let attempt = 1; attempt <= attempts && !stop.aborted; attempt += 1) {
      const status = await readStatus().catch(() => undefined);
      if (status && isSettled(status)) return;
      await pause(backoff(attempt), stop);
    }
  };

  const onFrame = (frame: unknown) => {
    const watched = frame as WatchFrame;
    const receivedAt = Date.now();
    const position = 'position' in watched ? watched.position : undefined;
    if (position) clock.observe(Date.parse(position.time) + position.age, receivedAt);
    apply({ kind: 'frame', frame: watched, receivedAt, serverNow: serverNow() });
    // The stream has stages; their past, who carries it, and how it ended are the services' to tell.
    if (watched.type === 'snapshot' || watched.type === 'stage') void quietly(readStatus());
    if (watched.type === 'snapshot') void quietly(readEvents());
  };
  let asked = 0;
  const run = async () => {
    await follow(
      { deliveryId },
      {
        onFrame,
        onState: (stream) => apply({ kind: 'stream', stream }),
        isLast: (frame) => (frame as WatchFrame).type === 'end',
        onUnknown: async () => {
          asked += 1;
          const status = await readStatus();
          if (status.outcome) return false;
          await pause(Math.min(2_000, backoff(asked)), stop);
          return true;
        },
      },
      stop,
    );
    if (stop.aborted) return;
    await quietly(readEvents());
    await settle(({ outcome }) => outcome !== undefined);
  };
  run().catch((thrown: unknown) => {
    if (!stop.aborted) problem.value = asProblem(thrown);
  });
  void quietly(readStatus());
  return { state, problem, serverNow, settle, stop: () => stopped.abort() };
}

/** What is asked on the side may fail: the stream says again what matters. */
async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}
