import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { HubName } from '../../shared/messaging/hubs.ts';
import type { Log } from '../../shared/telemetry/log.ts';
import { createGuard } from '../guard.ts';
import type { HubMessage, HubReader } from '../ports.ts';
import { type Broker, startBroker, until } from '../tracking.fixture.ts';
import { openHubReader } from './reader.ts';

const HUB: HubName = 'domain-events';
const said: string[] = [];
const say = (_: unknown, text: string) => said.push(text);
const log = { debug: () => undefined, warn: say, error: say } as unknown as Log;
let broker: Broker;
let reader: HubReader | undefined;

beforeAll(async () => {
  broker = await startBroker();
});
afterEach(async () => {
  await reader?.[Symbol.asyncDispose]();
  reader = undefined;
});
afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

function open(onMessage: (message: HubMessage) => void, faults: string[] = []): HubReader {
  reader = openHubReader({
    settings: { EVENTHUBS: broker.server.connectionString(), EVENTHUBS__fullyQualifiedNamespace: undefined },
    credential: () => {
      throw new Error('no identity is used');
    },
    hub: HUB,
    consumerGroup: 'tracking',
    onMessage,
    guard: createGuard({ log, now: Date.now, onCount: (cause) => faults.push(cause) }),
    log,
  });
  return reader;
}

/** The numbers that a test publishes under its own keys, as they are given out. */
function collect(test: string) {
  const byKey = new Map<string, number[]>();
  const onMessage = ({ bytes }: HubMessage) => {
    const { from, key, n } = JSON.parse(Buffer.from(bytes).toString()) as {
      from: string;
      key: string;
      n: number;
    };
    if (from !== test) return;
    byKey.set(key, [...(byKey.get(key) ?? []), n]);
  };
  const publish = async (key: string, ...numbers: number[]) =>
    broker.publish(HUB, key, ...numbers.map((n) => ({ from: test, key, n })));
  return { byKey, onMessage, publish };
}

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

test('H1, H2 the past is given out in order, each message once, before the hub counts as rebuilt', async () => {
  const { byKey, onMessage, publish } = collect('past');
  for (const key of KEYS) await publish(key, 1, 2, 3);
  await open(onMessage).rebuilt;
  expect([...byKey.keys()].toSorted()).toEqual(KEYS);
  for (const numbers of byKey.values()) expect(numbers).toEqual([1, 2, 3]);
});

test.each(['amqp:link:stolen', 'amqp:not-found', 'amqp:link:detach-forced', 'amqp:internal-error'])(
  'H3 receivers that the broker ends with %s are followed by others, and nothing is lost or given out twice',
  async (condition) => {
    const { byKey, onMessage, publish } = collect(condition);
    said.length = 0;
    const { rebuilt, isAlive } = open(onMessage);
    for (const key of KEYS) await publish(key, 1);
    await rebuilt;
    for (let round = 2; round <= 4; round += 1) {
      broker.server.faults.detachLinks(HUB, condition);
      for (const key of KEYS) await publish(key, round);
      await until(
        () => KEYS.every((key) => byKey.get(key)?.at(-1) === round),
        () => `round ${round}; came: ${JSON.stringify([...byKey])}`,
        30_000,
      );
    }
    for (const key of KEYS) expect(byKey.get(key)).toEqual([1, 2, 3, 4]);
    await until(() => isAlive(10_000), 'every partition to be read', 30_000);
    // P1: no receiver meets the one before it.
    expect(said).not.toContain('a receiver could not start or stop');
  },
  60_000,
);

test('H1, H3 a broker that stops and starts again costs nothing', async () => {
  const { byKey, onMessage, publish } = collect('restart');
  await open(onMessage).rebuilt;
  await publish('a', 1, 2);
  await until(() => byKey.get('a')?.length === 2, 'the first two', 30_000);
  await broker.stop();
  await broker.start();
  await publish('a', 3);
  await until(() => (byKey.get('a')?.length ?? 0) >= 3, 'the third', 30_000);
  expect(byKey.get('a')).toEqual([1, 2, 3]);
}, 60_000);

test('P2 a message whose handling throws is passed over once; those behind it go on', async () => {
  const { byKey, onMessage, publish } = collect('throwing');
  const faults: string[] = [];
  const thrown: number[] = [];
  await open((message) => {
    onMessage(message);
    const last = byKey.get('a')?.at(-1);
    if (last !== 2 || thrown.includes(last)) return;
    thrown.push(last);
    throw new Error('cannot be handled');
  }, faults).rebuilt;
  await publish('a', 1, 2, 3);
  await publish('a', 4);
  await until(() => byKey.get('a')?.at(-1) === 4, 'the last one', 30_000);
  expect(byKey.get('a')).toEqual([1, 2, 3, 4]);
  expect(faults).toEqual(['hub message']);
}, 60_000);

test('bytes that are not JSON arrive as they are', async () => {
  const bodies: string[] = [];
  await open(({ bytes }) => bodies.push(Buffer.from(bytes).toString('latin1'))).rebuilt;
  await broker.publish(HUB, 'raw', Buffer.from([0xff, 0x00, 0x7b]));
  await until(() => bodies.includes('\xff\x00{'), 'the bytes', 30_000);
}, 60_000);
