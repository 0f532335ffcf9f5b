import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DroneFrame } from '../../shared/contracts/flight.ts';
import { type Broker, openDrone, startBroker, startOn, type TestDrone, until } from '../tracking.fixture.ts';
import type { Tracking } from '../tracking.ts';
import { flightEvent, flyingSample, missionOf } from '../world.fixture.ts';

let broker: Broker;
let tracking: Tracking;
beforeAll(async () => {
  broker = await startBroker();
  tracking = await startOn(broker, { LIMIT_FRAMES_PER_SECOND: '1000000' });
  await tracking.rebuilt;
});
afterAll(async () => {
  await tracking.close();
  await broker[Symbol.asyncDispose]();
});

/** As JSON text, since some of it no JavaScript value can be. Each is wrong in every field that the frames below have. */
const HOSTILE = {
  'a length that cannot be compared': '{"length":{"toString":0,"valueOf":0}}',
  'an array of such': '[{"length":{"toString":0,"valueOf":0}}]',
  'a getter’s name': '{"__proto__":{"polluted":true},"constructor":{"prototype":{}}}',
  'beyond numbers': '1e400',
  'below zero beyond numbers': '-1e400',
  'a lone surrogate': '"\\ud800"',
  'a control character': '"\\u0000"',
  'a long text': JSON.stringify('x'.repeat(20_000)),
  'deep nesting': `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  null: 'null',
  'an empty object': '{}',
};

const mission = missionOf('d-hostile', 'hostile');
const FRAMES: readonly DroneFrame[] = [
  { type: 'hello', boot: 'boot-1', newestFence: 0 },
  { type: 'telemetry', samples: [flyingSample(mission, 1, { wind: { north: 1, east: 1 } })] },
  { type: 'event', event: flightEvent(mission, 'MissionRefused', { reason: 'test' }) },
  { type: 'received', commandId: 'c-1' },
];

/** The paths of every member of a value, containers included. */
function* pathsOf(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (path.length > 0) yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) yield* pathsOf(member, [...path, key]);
}

const MARK = '"@hostile@"';

function textWith(frame: DroneFrame, path: readonly string[], hostile: string): string {
  const copy = structuredClone(frame) as unknown as Record<string, unknown>;
  const parent = path.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, copy);
  parent[path.at(-1) as string] = '@hostile@';
  return JSON.stringify(copy).replace(MARK, () => hostile);
}

const CASES = FRAMES.flatMap((frame) =>
  [...pathsOf(frame)].flatMap((path) =>
    Object.entries(HOSTILE)
      // A text of control characters is a text: a boot, a reason may be one.
      .filter(([name]) => name !== 'a control character' || !['boot', 'reason'].includes(path.at(-1) ?? ''))
      .map(([name, hostile]) => ({
        name: `${frame.type}.${path.join('.')}: ${name}`,
        text: textWith(frame, path, hostile),
      })),
  ),
);

/** A valid frame after every few wrong ones: too many in a row would close the socket, as they should. */
async function tryAll(drone: TestDrone): Promise<string[]> {
  const silent: string[] = [];
  for (const [index, { name, text }] of CASES.entries()) {
    const before = drone.frames.length;
    drone.socket.send(text);
    await until(() => drone.frames.length > before || drone.socket.readyState !== drone.socket.OPEN, name);
    const answer = drone.frames.at(-1);
    if (answer?.type !== 'error' || drone.frames.length !== before + 1) silent.push(name);
    if (index % 10 === 9) drone.send({ type: 'received', commandId: 'valid' });
  }
  return silent;
}

test('S2 a hostile value in any field of any frame is answered with an error, on a connection that goes on', async () => {
  const drone = await openDrone(tracking.port, 'd-hostile');
  expect(CASES.length).toBeGreaterThan(400);
  expect(await tryAll(drone)).toEqual([]);
  expect(drone.socket.readyState).toBe(drone.socket.OPEN);
  const metrics = await (await fetch(`http://127.0.0.1:${tracking.port}/metrics`)).text();
  expect(metrics).not.toContain('tracking_listener_faults_total');
  drone.send({ type: 'telemetry', samples: [flyingSample(mission, 9)] });
  await until(
    () => tracking.tracker.drones.find('d-hostile')?.track.latest?.seq === 9,
    'the drone to be heard on the same connection',
  );
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  await drone.close();
}, 60_000);
