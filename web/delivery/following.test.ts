import { expect, test } from 'vitest';
import type { WatchFrame } from '../../shared/contracts/flight.ts';
import type { Call } from '../server/call.ts';
import { ApiProblem } from '../server/problem.ts';
import type { Follow, StreamHandlers } from '../server/stream.ts';
import { at, events, position, status } from './delivery.fixture.ts';
import { followDelivery } from './following.ts';
import type { Status } from './state.ts';

interface Services {
  /** Answers of the status, in order; the last one stays. */
  readonly statuses: (Status | ApiProblem)[];
  readonly onStream?: (handlers: StreamHandlers) => Promise<void> | void;
  readonly eventCount?: number;
}

function start({ statuses, onStream, eventCount = 1 }: Services) {
  const log: string[] = [];
  const call = ((route: { path: string }) => {
    log.push(route.path.endsWith('/events') ? 'events' : 'status');
    if (route.path.endsWith('/events')) return Promise.resolve({ events: events(eventCount) });
    const answer = statuses.length > 1 ? statuses.shift() : statuses[0];
    return answer instanceof ApiProblem ? Promise.reject(answer) : Promise.resolve(answer);
  }) as Call;
  const follow: Follow = async (_, handlers) => {
    log.push('stream');
    await onStream?.(handlers);
  };
  return { log, following: followDelivery({ call, follow }, 'd1') };
}

const settled = async (ready: () => boolean) => {
  while (!ready()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const planned = { delivery: '/api/deliveries/d1' };
const outcome = { kind: 'completed' as const, reasons: [], at: at(40) };

test('asks for no stream before there is a delivery (D18)', async () => {
  const { log, following } = start({
    statuses: [status(), status({ updatedAt: at(2) }), status({ updatedAt: at(3), ...planned })],
  });
  await settled(() => log.includes('stream'));
  following.stop();
  expect(log.slice(0, 4)).toEqual(['status', 'status', 'status', 'stream']);
});

test('a delivery that has ended needs no stream, only its events', async () => {
  const { log, following } = start({ statuses: [status({ ...planned, outcome })], eventCount: 4 });
  await settled(() => log.includes('events'));
  await settled(() => following.state.value.events.length === 4);
  following.stop();
  expect(log).toEqual(['status', 'events']);
  expect(following.state.value.hasEnded).toBe(true);
});

test('a service that is away is asked again; a refusal is shown', async () => {
  const away = start({ statuses: [new ApiProblem(503, 'busy', 'busy'), status({ ...planned })] });
  await settled(() => away.log.includes('stream'));
  away.following.stop();
  expect(away.following.problem.value).toBeUndefined();
  const missing = start({ statuses: [new ApiProblem(404, 'not_found', 'there is none')] });
  await settled(() => missing.following.problem.value !== undefined);
  expect(missing.following.problem.value?.status).toBe(404);
  expect(missing.log).toEqual(['status']);
});

test('frames become state; a new stage is read up in the status', async () => {
  const frames: WatchFrame[] = [
    { type: 'snapshot', deliveryId: 'd1', stage: 'Created' },
    { type: 'position', position: position() },
    { type: 'stage', stage: 'HeadedToPickup', sequence: 2, at: at(20) },
  ];
  const { log, following } = start({
    statuses: [status(planned)],
    onStream: async (handlers) => {
      for (const frame of frames) handlers.onFrame(frame);
      handlers.onState('open');
      await settled(() => log.filter((each) => each === 'status').length >= 3);
    },
  });
  await settled(() => following.state.value.stream === 'open');
  following.stop();
  expect(following.state.value).toMatchObject({ stage: 'HeadedToPickup', latest: { position: position() } });
  expect(log).toContain('events');
});

test('after the stream has ended, the outcome is waited for', async () => {
  const { following } = start({
    statuses: [
      status(planned),
      status({ ...planned, updatedAt: at(39) }),
      status({ ...planned, updatedAt: at(40), outcome }),
    ],
    eventCount: 4,
  });
  await settled(() => following.state.value.status?.outcome !== undefined);
  following.stop();
  expect(following.state.value.status?.outcome).toEqual(outcome);
});

test('a page that is left changes nothing more', async () => {
  const { following } = start({ statuses: [status(planned)] });
  following.stop();
  const before = following.state.value;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(following.state.value).toBe(before);
});
