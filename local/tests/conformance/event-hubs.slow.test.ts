/** A network that hands over one byte at a time to the broker. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { EventHubConsumerClient, EventHubProducerClient, type ReceivedEventData } from '@azure/event-hubs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Harness, QUICK, ROOT, startHarness } from '../support/event-hubs.ts';

let harness: Harness;
let proxy: Server;
const open = new Set<Socket>();

beforeAll(async () => {
  harness = await startHarness({ hub: { partitions: 1 } });
  proxy = createServer((near) => {
    const far = connect(harness.server.port, '127.0.0.1');
    for (const socket of [near, far]) open.add(socket.setNoDelay(true));
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
    void trickle(near, far);
    far.pipe(near);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
});

afterAll(async () => {
  await harness.close();
  for (const socket of open) socket.destroy();
  proxy.close();
});

/** Each byte in a write of its own, and a turn of the event loop between two. */
async function trickle(from: Socket, to: Socket): Promise<void> {
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      for (const byte of chunk) {
        to.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  } catch {
    to.destroy();
  }
}

describe('event-hubs: bytes that arrive one at a time', () => {
  test('events are sent and received', async () => {
    const { port } = proxy.address() as AddressInfo;
    const connection = `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=${ROOT.name};SharedAccessKey=${ROOT.key};UseDevelopmentEmulator=true`;
    const retryOptions = { ...QUICK, timeoutInMs: 20_000 };
    const producer = new EventHubProducerClient(connection, 'hub', { retryOptions });
    const consumer = new EventHubConsumerClient('$Default', connection, 'hub', { retryOptions });
    const { lastEnqueuedSequenceNumber: last } = await producer.getPartitionProperties('0');
    await producer.sendBatch([{ body: 'short' }, { body: 'x'.repeat(300) }]);
    const { promise, resolve, reject } = Promise.withResolvers<ReceivedEventData[]>();
    const received: ReceivedEventData[] = [];
    const handlers = {
      processEvents: async (events: ReceivedEventData[]) => {
        received.push(...events);
        if (received.length >= 2) resolve(received);
      },
      processError: async (error: Error) => reject(error),
    };
    const startPosition = { sequenceNumber: last, isInclusive: false };
    const subscription = consumer.subscribe('0', handlers, {
      startPosition,
      maxBatchSize: 10,
      maxWaitTimeInSeconds: 1,
    });
    expect((await promise).map(({ body }) => body as unknown)).toEqual(['short', 'x'.repeat(300)]);
    await subscription.close();
    await Promise.all([producer.close(), consumer.close()]);
  });
});
