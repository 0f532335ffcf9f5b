import { expect, test, vi } from 'vitest';
import type { HubName } from '../messaging/hubs.ts';
import { outboxItem, publishChanges } from './outbox.ts';

const item = (id: string, hub: HubName) =>
  outboxItem({ partition: { deliveryId: 'd1' }, id, hub, key: 'k', body: { id } });

const publisherOf = (publish: (hub: HubName, messages: readonly unknown[]) => Promise<void>) => ({
  publish,
  [Symbol.asyncDispose]: async () => undefined,
});

test('publishes each event once, in the order of the feed, and nothing else', async () => {
  const publish = vi.fn(async () => undefined);
  const documents = [
    item('1', 'domain-events'),
    { type: 'delivery' },
    null,
    item('2', 'drone-commands'),
    item('3', 'domain-events'),
  ];
  await publishChanges(documents, publisherOf(publish));
  const message = (id: string) => ({ key: 'k', body: { id }, properties: { messageId: `event-${id}` } });
  expect(publish.mock.calls).toEqual([
    ['domain-events', [message('1'), message('3')]],
    ['drone-commands', [message('2')]],
  ]);
});

test('rejects when one hub did not acknowledge', async () => {
  const publish = vi.fn(async (hub: HubName) => {
    if (hub === 'drone-commands') throw new Error('not acknowledged');
  });
  const documents = [item('1', 'domain-events'), item('2', 'drone-commands')];
  await expect(publishChanges(documents, publisherOf(publish))).rejects.toThrow('not acknowledged');
  expect(publish).toHaveBeenCalledTimes(2);
});

test('is not done before the broker has acknowledged', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isDone = false;
  const work = publishChanges(
    [item('1', 'domain-events')],
    publisherOf(() => promise),
  ).finally(() => {
    isDone = true;
  });
  await new Promise((next) => setImmediate(next));
  expect(isDone).toBe(false);
  resolve();
  await work;
  expect(isDone).toBe(true);
});
