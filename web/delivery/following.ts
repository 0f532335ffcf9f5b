/**
 * Keeps the state of one delivery up to date: from the request's status until there is a delivery, then from tracking's
 * stream, and from status and events when the stream reports a change of them.
 */
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
  /** Reads the status until it is settled, at most `attempts` times. */
  readonly settle: (isSettled: (status: Status) => boolean, attempts?: number) => Promise<void>;
  readonly stop: () => void;
}

/** Longest pause between two reads of the status of a delivery that does not exist yet. */
const LONGEST_WAIT_MS = 2_000;

export interface FollowingOptions {
  readonly call: Call;
  readonly follow: Follow;
}

/** Waits until tracking knows the delivery, soon after its creation. Undefined when it was stopped. */
async function untilCreated(
  readStatus: () => Promise<Status>,
  apply: (change: Change) => void,
  stop: AbortSignal,
): Promise<Status | undefined> {
  for (let attempt = 1; !stop.aborted; attempt += 1) {
    try {
      const status = await readStatus();
      if (status.delivery !== undefined || status.outcome !== undefined) return status;
      apply({ kind: 'stream', stream: 'waiting' });
    } catch (thrown) {
      if (!asProblem(thrown).mayPass) throw thrown;
      apply({ kind: 'stream', stream: 'broken' });
    }
    await pause(Math.min(LONGEST_WAIT_MS, backoff(attempt)), stop);
  }
  return undefined;
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
    // The stream has the stages to come; the services have the past ones, the carrier and the outcome.
    if (watched.type === 'snapshot' || watched.type === 'stage') void quietly(readStatus());
    if (watched.type === 'snapshot') void quietly(readEvents());
  };
  let asked = 0;
  const run = async () => {
    const status = await untilCreated(readStatus, apply, stop);
    if (status?.outcome) return status.delivery === undefined ? undefined : quietly(readEvents());
    if (stop.aborted) return;
    apply({ kind: 'stream', stream: 'connecting' });
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
          await pause(Math.min(LONGEST_WAIT_MS, backoff(asked)), stop);
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
  return { state, problem, serverNow, settle, stop: () => stopped.abort() };
}

/** This read may fail: the stream repeats the important facts. */
async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}
