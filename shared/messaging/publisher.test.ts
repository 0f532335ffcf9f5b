/** The publisher's own word on the broker, which readiness goes by (W21), against the local broker. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Broker, startBroker } from '../../tracking/tracking.fixture.ts';
import { type BrokerPublisher, createPublisher } from './publisher.ts';

let broker: Broker;
let publisher: BrokerPublisher;
beforeAll(async () => {
  // The clock stands still, however long a busy machine takes to stop the broker.
  vi.useFakeTimers({ toFake: ['performance'] });
  broker = await startBroker();
  const settings = {
    EVENTHUBS: broker.server.connectionString(),
    EVENTHUBS__fullyQualifiedNamespace: undefined,
  };
  publisher = createPublisher(settings, () => {
    throw new Error('not needed');
  });
});
afterAll(async () => {
  vi.useRealTimers();
  await publisher[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
});

const publish = (timeoutMs: number) =>
  publisher.publish('domain-events', [{ key: 'k', body: {}, properties: {} }], { timeoutMs });

test('an acknowledgement shows for 5 s that the broker is there; a publish that failed takes that back', async () => {
  await publisher.check();
  await publish(30_000);
  await broker.stop();
  vi.advanceTimersByTime(4_999);
  await publisher.check();
  await expect(publish(1_000)).rejects.toMatchObject({ code: 'dependency_unavailable' });
  await expect(publisher.check()).rejects.toBeInstanceOf(Error);
}, 60_000);
