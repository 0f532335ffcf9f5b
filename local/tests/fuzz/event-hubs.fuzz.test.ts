/** `FUZZ_RUNS=100000` for the long run, `FUZZ_SEED=N` to see one again. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventHubConsumerClient, EventHubProducerClient } from '@azure/event-hubs';
import { expect, test } from 'vitest';
import { ROOT } from '../support/event-hubs.ts';
import { type Conversation, createRandom, damage, KINDS, record } from './event-hubs.conversations.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 2_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);
const AT_ONCE = 16;
const HANG_MS = 20_000;
/** What the broker's memory may differ by between the middle and the end. */
const FLAT_MB = 30;
const retryOptions = { maxRetries: 0, timeoutInMs: 5_000 };

const connectionTo = (port: number) =>
  `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=${ROOT.name};SharedAccessKey=${ROOT.key};UseDevelopmentEmulator=true`;

async function goodConversations(port: number): Promise<Conversation[]> {
  const sending = await record(port, async (through) => {
    const client = new EventHubProducerClient(connectionTo(through), 'hub', { retryOptions });
    await client.getPartitionProperties('0');
    await client.sendBatch([{ body: 'one', properties: { kind: 'x' } }], { partitionId: '0' });
    await client.sendBatch([{ body: { two: 2 } }, { body: [3] }], { partitionKey: 'key' });
    await client.close();
  });
  const receiving = await record(port, async (through) => {
    const client = new EventHubConsumerClient('$Default', connectionTo(through), 'hub', { retryOptions });
    const { promise, resolve } = Promise.withResolvers<void>();
    const subscription = client.subscribe(
      '0',
      {
        processEvents: async (events) => {
          if (events.length > 0) resolve();
        },
        processError: async (error) => {
          throw error;
        },
      },
      { maxBatchSize: 10, maxWaitTimeInSeconds: 1, startPosition: { offset: '-1' } },
    );
    await promise;
    await subscription.close();
    await client.close();
  });
  return [...sending, ...receiving];
}

/** Says it, and waits until the broker has ended the connection. */
async function say(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  socket.end(bytes);
  await once(socket, 'close');
}

test(`event-hubs: ${RUNS} damaged conversations neither crash nor hold up the broker, and leave nothing behind`, async () => {
  process.stdout.write(`seed ${SEED}\n`);
  const random = createRandom(SEED);
  const folder = await mkdtemp(join(tmpdir(), 'event-hubs-fuzz-'));
  const config = join(folder, 'config.json');
  await writeFile(config, JSON.stringify({ hubs: { hub: { partitions: 2 } }, keys: [ROOT] }));
  const entry = new URL('../../event-hubs/main.ts', import.meta.url);
  const broker = fork(entry, ['--port', '0', '--data', join(folder, 'data'), '--config', config], {
    silent: true,
  });
  let words = '';
  broker.stderr?.on('data', (chunk: Buffer) => {
    words += chunk.toString();
  });
  const [{ port }] = (await once(broker, 'message')) as [{ port: number }];
  const residentMegabytes = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${broker.pid}/status`, 'utf8'))?.[1]) / 1024;
  const openFiles = () => readdirSync(`/proc/${broker.pid}/fd`).length;

  const conversations = await goodConversations(port);
  const healthy = new EventHubProducerClient(connectionTo(port), 'hub', { retryOptions });
  await healthy.sendBatch([{ body: 'healthy' }]);
  const filesBefore = openFiles();
  let running = true;
  let slowest = 0;
  const beside = (async () => {
    while (running) {
      const begin = performance.now();
      await healthy.sendBatch([{ body: 'healthy' }]);
      slowest = Math.max(slowest, performance.now() - begin);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();

  const seen = new Map<string, number>();
  let left = RUNS;
  let middle = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left > 0 && broker.exitCode === null) {
        left -= 1;
        if (left === Math.floor(RUNS / 2)) middle = residentMegabytes();
        const { kind, bytes } = damage(random.pick(conversations), random);
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        const begin = performance.now();
        await say(port, bytes);
        slowest = Math.max(slowest, performance.now() - begin);
      }
    }),
  );
  running = false;
  await beside;
  const end = residentMegabytes();
  process.stdout.write(
    `slowest answer ${slowest.toFixed(0)} ms, memory ${middle.toFixed(0)} → ${end.toFixed(0)} MB\n`,
  );
  expect(words).toBe('');
  expect(broker.exitCode).toBe(null);
  expect(slowest).toBeLessThan(HANG_MS);
  expect(end - middle).toBeLessThan(FLAT_MB);
  await expect.poll(openFiles).toBeLessThanOrEqual(filesBefore);
  expect(seen.size).toBe(KINDS.length);
  await healthy.close();
  broker.kill('SIGTERM');
  expect(((await once(broker, 'exit')) as [number])[0]).toBe(0);
  await rm(folder, { recursive: true });
}, 3_600_000);
