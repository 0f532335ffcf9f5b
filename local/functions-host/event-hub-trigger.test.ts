/** H1 to H3 and X1, X2, with a broker and a storage in this process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventHubProducerClient } from '@azure/event-hubs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type EventHubsServer, startEventHubs } from '../event-hubs/server.ts';
import { type StorageServer, startStorage } from '../storage/server.ts';
import type { FunctionApp, FunctionDefinition } from './contract.ts';
import { startEventHubTrigger, type Trigger } from './event-hub-trigger.ts';

const dir = mkdtempSync(join(tmpdir(), 'event-hub-trigger-'));
const KEY = { name: 'root', key: 'c2VjcmV0', rights: ['Manage', 'Send', 'Listen'] as const };
const TRIGGER = {
  name: 'events',
  type: 'eventHubTrigger',
  direction: 'in',
  connection: 'TRIGGER_TEST_HUBS',
  eventHubName: 'hub',
  cardinality: 'many',
} as const;
const definition: FunctionDefinition = { name: 'reads', trigger: TRIGGER, bindings: [TRIGGER] };

let hubs: EventHubsServer;
let storage: StorageServer;
let seen: string[] = [];
let logs: string[] = [];
/** Bodies that fail. */
const failing = new Set<string>();

const startHubs = (port = 0) =>
  startEventHubs({ port, dataDir: join(dir, 'hubs'), hubs: { hub: { partitions: 1 } }, keys: [KEY] });

beforeAll(async () => {
  [hubs, storage] = await Promise.all([
    startHubs(),
    startStorage({ port: 0, dataDir: join(dir, 'storage') }),
  ]);
  vi.stubEnv('TRIGGER_TEST_HUBS', hubs.connectionString());
  vi.stubEnv('AzureWebJobsStorage', storage.connectionString);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await hubs.close();
  await storage.close();
  rmSync(dir, { recursive: true });
});

async function started(): Promise<Trigger> {
  [seen, logs] = [[], []];
  const app: FunctionApp = {
    functions: new Map(),
    invoke: async (_, { inputs }) => {
      const [input] = inputs as unknown as [{ data: { collectionString: { string: string[] } } }];
      const bodies = input.data.collectionString.string;
      seen.push(...bodies);
      return bodies.some((body) => failing.has(body))
        ? { ok: false, error: new Error('refused') }
        : { ok: true, returnValue: undefined, outputs: [] };
    },
  };
  const trigger = startEventHubTrigger(definition, {
    app,
    config: {},
    log: (level, _category, message) => logs.push(`${level}: ${message}`),
    extraInputs: () => [],
    dataDir: dir,
    now: Date.now,
  });
  await trigger.ready;
  return trigger;
}

async function send(...bodies: string[]): Promise<void> {
  const producer = new EventHubProducerClient(hubs.connectionString('hub'));
  await producer.sendBatch(bodies.map((body) => ({ body: Buffer.from(body) })));
  await producer.close();
}

test('H2 events are handed over in order, and a restart goes on behind the checkpoint, which failures move, too', async () => {
  const first = await started();
  await send('a', 'b');
  await expect.poll(() => seen).toEqual(['a', 'b']);
  failing.add('c');
  await send('c');
  await expect.poll(() => seen).toEqual(['a', 'b', 'c']);
  await first.stop();
  await send('d');
  const second = await started();
  await expect.poll(() => seen).toEqual(['d']);
  await second.stop();
});

test('H3 a receiver that the broker ends begins again at its checkpoint', async () => {
  const trigger = await started();
  await send('before');
  await expect.poll(() => seen).toEqual(['before']);
  hubs.faults.dropConnections();
  await send('after');
  await expect.poll(() => seen).toContain('after');
  await trigger.stop();
});

test('X1 a checkpoint that cannot be written is written once the storage is back', async () => {
  const first = await started();
  await send('known');
  await expect.poll(() => seen).toEqual(['known']);
  const { port } = storage;
  await storage.close();
  await send('while it is away');
  await expect.poll(() => logs.join()).toContain('the checkpoint could not be written, trying again');
  storage = await startStorage({ port, dataDir: join(dir, 'storage') });
  await send('after it is back');
  await expect.poll(() => seen).toContain('after it is back');
  await first.stop();
  const second = await started();
  await send('new');
  await expect.poll(() => seen).toContain('new');
  expect(seen).not.toContain('while it is away');
  await second.stop();
});

test.each(['empty', 'filled again'])(
  'X2 a checkpoint beyond the last event is reported once and set to the end, of a hub that is %s',
  async (state) => {
    const before = await started();
    await send('lost');
    await expect.poll(() => seen).toContain('lost');
    await before.stop();
    const { port } = hubs;
    await hubs.close();
    rmSync(join(dir, 'hubs'), { recursive: true });
    hubs = await startHubs(port);
    if (state !== 'empty') await send('not seen, because it lies before the end');
    const reports = () => logs.filter((line) => /^error: reads: .* lies beyond the last event/.test(line));
    const repaired = await started();
    await expect.poll(() => reports().length).toBe(1);
    await repaired.stop();
    const next = await started();
    await send('behind it');
    await expect.poll(() => seen).toEqual(['behind it']);
    expect(reports()).toEqual([]);
    await next.stop();
  },
);
