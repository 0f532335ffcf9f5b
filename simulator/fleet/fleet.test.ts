import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FlightEvent, Telemetry } from '../../shared/contracts/flight.ts';
import { distance } from '../../shared/geo/distance.ts';
import { planFlight } from '../../shared/geo/flight-plan.ts';
import { batteryOf, capacityOf, truePosition } from '../drone/state.ts';
import {
  DROPOFF,
  folder,
  missionCommand,
  missionFor,
  openWorld,
  PICKUP,
  recallCommand,
} from '../world.fixture.ts';
import { eventIdOf, type Fleet } from './fleet.ts';

const WHOLE_FLIGHT = ['TookOff', 'ArrivedAtPickup', 'PickedUp', 'ArrivedAtDropoff', 'Delivered'];

/** Simulated seconds until the condition holds; the events on the way. */
function flyUntil(
  fleet: Fleet,
  condition: (events: readonly FlightEvent[]) => boolean,
  most = 3600,
): FlightEvent[] {
  const events: FlightEvent[] = [];
  for (let second = 0; second < most; second += 1) {
    if (condition(events)) return events;
    events.push(...fleet.advance(1));
  }
  throw new Error(`not within ${most} simulated seconds: ${events.map((event) => event.kind).join(', ')}`);
}
const has = (kind: FlightEvent['kind']) => (events: readonly FlightEvent[]) =>
  events.some((event) => event.kind === kind);
const kinds = (events: readonly FlightEvent[]) => events.map((event) => event.kind);

describe('a mission', () => {
  test.each(['drone-1', 'drone-2', 'drone-3'])(
    '%s flies the whole of it, where and when it says',
    async (id) => {
      await using data = await folder();
      await using world = openWorld({ data: data.path });
      const { fleet } = world;
      const drone = fleet.drone(id)!;
      const mission = missionFor(fleet, id);
      const plan = planFlight({
        ...mission,
        from: drone.base.position,
        base: drone.base.position,
        battery: 1,
      });
      expect(kinds(fleet.handle(missionCommand(mission)))).toEqual(['MissionAccepted']);
      const before = fleet.time();
      const events = flyUntil(fleet, has('Delivered'));
      const took = fleet.time() - before;
      expect(kinds(events)).toEqual(WHOLE_FLIGHT);
      for (const event of events) {
        expect(event).toMatchObject({
          missionId: mission.missionId,
          deliveryId: mission.deliveryId,
          fence: 1,
        });
      }
      expect(distance(events[1]!.position, PICKUP)).toBeLessThan(4);
      expect(distance(events.at(-1)!.position, DROPOFF)).toBeLessThan(4);
      expect(Math.abs(took - plan.toDropoff) / plan.toDropoff).toBeLessThan(0.35);
      flyUntil(fleet, () => drone.phase === 'Parked');
      expect(distance(truePosition(drone), drone.base.position)).toBeLessThan(4);
      expect(fleet.sample(id)).toMatchObject({ leg: 'Idle', flightMode: 'Ready', loaded: false });
    },
  );

  test('telemetry says leg, load and mission on the way, and is valid all the time', async () => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    const { fleet } = world;
    fleet.handle(missionCommand(missionFor(fleet, 'drone-1')));
    const legs: string[] = [];
    let seq = -1;
    for (let i = 0; i < 700; i += 1) {
      fleet.advance(1);
      const sample = Telemetry.parse(fleet.sample('drone-1'));
      expect(sample.seq).toBe((seq += 1));
      const word = `${sample.leg}${sample.loaded ? '+' : ''}${sample.missionId ? '*' : ''}`;
      if (legs.at(-1) !== word) legs.push(word);
      expect(distance(sample.position, truePosition(fleet.drone('drone-1')!))).toBeLessThan(6);
    }
    expect(legs).toEqual(['ToPickup*', 'AtPickup*', 'ToDropoff+*', 'AtDropoff+*', 'ToBase', 'Idle']);
  });

  test('a drone on its way home takes the next one in the air', async () => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    const { fleet } = world;
    fleet.handle(missionCommand(missionFor(fleet, 'drone-2')));
    flyUntil(fleet, has('Delivered'));
    fleet.advance(60);
    const next = missionFor(fleet, 'drone-2', { missionId: 'next', deliveryId: 'delivery-next', fence: 2 });
    expect(kinds(fleet.handle(missionCommand(next)))).toEqual(['MissionAccepted', 'TookOff']);
    const events = flyUntil(fleet, has('Delivered'));
    expect(kinds(events)).toEqual(WHOLE_FLIGHT.slice(1));
    expect(events.every((event) => event.missionId === 'next')).toBe(true);
  });
});

describe('refusals', () => {
  test.each([
    ['payload', { payload: 3 }, 'payload 3.0 kg exceeds 2.5 kg'],
    ['height', { dropoff: { ...DROPOFF, altitude: 900 } }, 'a stop at 900 m exceeds 250 m'],
    ['distance', { dropoff: { ...DROPOFF, latitude: 48.2 } }, /^needs \d+ Wh, has \d+ Wh above the reserve$/],
    ['another drone', { droneId: 'drone-2' }, 'the mission is for drone-2'],
  ])('%s', async (_, change, reason) => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    const mission = missionFor(world.fleet, 'drone-1', change);
    const events = world.fleet.handle({ ...missionCommand(mission), droneId: 'drone-1' });
    expect(kinds(events)).toEqual(['MissionRefused']);
    expect(events[0]!.reason).toEqual(
      typeof reason === 'string' ? reason : (expect.stringMatching(reason) as string),
    );
    expect(world.fleet.drone('drone-1')!.phase).toBe('Parked');
  });

  test('busy, and an older fence', async () => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    const { fleet } = world;
    fleet.handle(missionCommand(missionFor(fleet, 'drone-1', { fence: 5 })));
    const busy = missionFor(fleet, 'drone-1', { missionId: 'b', fence: 6 });
    expect(fleet.handle(missionCommand(busy))[0]).toMatchObject({
      kind: 'MissionRefused',
      reason: 'busy with delivery delivery-drone-1',
    });
    const old = missionFor(fleet, 'drone-1', { missionId: 'c', fence: 4 });
    expect(fleet.handle(missionCommand(old))[0]).toMatchObject({ reason: 'fence 4 is older than 6' });
    expect(fleet.drone('drone-1')!.newestFence).toBe(6);
  });

  test('an empty battery', async () => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    world.fleet.drone('drone-1')!.energy = 90;
    expect(world.fleet.handle(missionCommand(missionFor(world.fleet, 'drone-1')))[0]!.reason).toMatch(
      /^needs/,
    );
  });
});

describe('a command', () => {
  test('is executed once, and a mission that comes again is answered as before', async () => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    const { fleet } = world;
    const mission = missionFor(fleet, 'drone-1');
    const [accepted] = fleet.handle(missionCommand(mission, 'c1'));
    fleet.advance(60);
    const there = truePosition(fleet.drone('drone-1')!);
    expect(fleet.handle(missionCommand(mission, 'c1'))).toEqual([]);
    const [again] = fleet.handle(missionCommand(mission, 'c2'));
    expect(again).toMatchObject({ kind: 'MissionAccepted', eventId: accepted!.eventId });
    expect(truePosition(fleet.drone('drone-1')!)).toEqual(there);
    expect(fleet.drone('drone-1')!.phase).not.toBe('Preflight');
  });

  test('event ids are stable and never too long', () => {
    const mission = { missionId: 'm'.repeat(100), deliveryId: 'd', fence: 1 };
    const id = eventIdOf({ kind: 'Delivered', mission });
    expect(id.length).toBeLessThanOrEqual(100);
    expect(eventIdOf({ kind: 'Delivered', mission })).toBe(id);
    expect(eventIdOf({ kind: 'PickedUp', mission })).not.toBe(id);
  });
});

describe('recall', () => {
  test.each([
    ['on the ground', 1],
    ['climbing', 8],
    ['on the way', 60],
    ['while it is being loaded', 121],
  ])('%s: not loaded, turns round', async (_, seconds) => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    const { fleet } = world;
    const mission = missionFor(fleet, 'drone-1');
    fleet.handle(missionCommand(mission));
    fleet.advance(seconds);
    const drone = fleet.drone('drone-1')!;
    expect(drone.mission?.loaded).toBe(false);
    expect(fleet.handle(recallCommand(mission))).toMatchObject([{ kind: 'Recalled', reason: 'not loaded' }]);
    expect(fleet.sample('drone-1').missionId).toBeUndefined();
    const after = flyUntil(fleet, () => drone.phase === 'Parked');
    expect(kinds(after)).toEqual([]);
    expect(distance(truePosition(drone), drone.base.position)).toBeLessThan(4);
    expect(fleet.handle(missionCommand(mission, 'late'))).toMatchObject([{ kind: 'MissionRefused' }]);
    const next = missionFor(fleet, 'drone-1', { missionId: 'next', fence: 2 });
    expect(fleet.handle(missionCommand(next))).toMatchObject([{ kind: 'MissionAccepted' }]);
  });

  test('after loading: refused, and the delivery goes on', async () => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    const { fleet } = world;
    const mission = missionFor(fleet, 'drone-1');
    fleet.handle(missionCommand(mission));
    flyUntil(fleet, has('PickedUp'));
    expect(fleet.handle(recallCommand(mission))).toMatchObject([{ kind: 'RecallRefused', reason: 'loaded' }]);
    flyUntil(fleet, has('Delivered'));
    expect(fleet.handle(recallCommand(mission, 'second'))).toMatchObject([
      { kind: 'RecallRefused', reason: 'delivered' },
    ]);
  });

  test('that overtakes its mission: the mission is refused when it comes', async () => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    const mission = missionFor(world.fleet, 'drone-1');
    expect(world.fleet.handle(recallCommand(mission))).toMatchObject([{ kind: 'Recalled' }]);
    expect(world.fleet.handle(missionCommand(mission))).toMatchObject([
      { kind: 'MissionRefused', reason: 'recalled: cancelled' },
    ]);
  });
});

describe('battery', () => {
  test('too low before the pickup: warns, gives up, comes home', async () => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    const { fleet } = world;
    const drone = fleet.drone('drone-1')!;
    fleet.handle(missionCommand(missionFor(fleet, 'drone-1')));
    fleet.advance(40);
    drone.energy = 110;
    const events = flyUntil(fleet, () => drone.phase === 'Parked');
    expect(kinds(events)).toEqual(['LowBattery', 'Aborted']);
    expect(events[1]!.reason).toMatch(/needs \d+ Wh, may use \d+ Wh; not loaded$/);
    expect(fleet.handle(recallCommand(missionFor(fleet, 'drone-1')))).toMatchObject([{ kind: 'Recalled' }]);
  });

  test('too low with the parcel: aborts and brings it back', async () => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    const { fleet } = world;
    const drone = fleet.drone('drone-1')!;
    fleet.handle(missionCommand(missionFor(fleet, 'drone-1')));
    flyUntil(fleet, has('PickedUp'));
    fleet.advance(30);
    drone.energy = 85;
    const aborted = flyUntil(fleet, has('Aborted'));
    expect(fleet.sample('drone-1')).toMatchObject({
      leg: 'ToBase',
      loaded: true,
      missionId: 'mission-drone-1',
    });
    expect(fleet.handle(recallCommand(missionFor(fleet, 'drone-1')))).toMatchObject([
      { kind: 'RecallRefused' },
    ]);
    const rest = flyUntil(fleet, has('Returned'));
    expect(kinds([...aborted, ...rest])).toEqual(['LowBattery', 'Aborted', 'Returned']);
    expect(drone.mission).toBeUndefined();
  });

  test('empty in the air: comes down, is fetched, and the parcel with it', async () => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    const { fleet } = world;
    const drone = fleet.drone('drone-1')!;
    fleet.handle(missionCommand(missionFor(fleet, 'drone-1')));
    flyUntil(fleet, has('PickedUp'));
    fleet.advance(30);
    drone.energy = 0.3;
    flyUntil(fleet, () => drone.phase === 'Grounded');
    expect(fleet.sample('drone-1').flightMode).toBe('Offline');
    const next = missionFor(fleet, 'drone-1', { missionId: 'next', fence: 2 });
    expect(fleet.handle(missionCommand(next))[0]!.reason).toMatch(/out of service/);
    expect(kinds(flyUntil(fleet, has('Returned')))).toEqual(['Returned']);
    expect(drone.phase).toBe('Parked');
  });

  test('charges on the pad up to what it holds, and no further', async () => {
    await using data = await folder();
    await using world = openWorld({ data: data.path });
    const drone = world.fleet.drone('drone-1')!;
    drone.energy = 50;
    world.fleet.advance(600);
    expect(drone.energy).toBeGreaterThan(100);
    world.fleet.advance(7200);
    expect(drone.energy).toBeCloseTo(capacityOf(drone), 1);
    expect(batteryOf(drone)).toBeLessThanOrEqual(1);
  });
});

describe('invariants', () => {
  test('for every seed: energy falls in the air, speed and height stay physical, and it stands still on the ground', async () => {
    await using data = await folder();
    let runs = 0;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seed) => {
        const world = openWorld({ data: `${data.path}/${runs++}`, seed });
        const { fleet } = world;
        const drone = fleet.drone('drone-2')!;
        fleet.handle(missionCommand(missionFor(fleet, 'drone-2', { payload: 4 })));
        let before = { energy: drone.energy, ...drone.body };
        for (let i = 0; i < 1000; i += 1) {
          const inAir = ['Takeoff', 'Cruise', 'Descent'].includes(drone.phase);
          fleet.advance(1);
          const { body, energy } = drone;
          const moved = Math.hypot(body.east - before.east, body.north - before.north);
          if (inAir && drone.phase !== 'Parked') expect(energy).toBeLessThan(before.energy);
          if (drone.phase === 'Handling' && before.up === body.up) expect(moved).toBeLessThan(4);
          expect(moved).toBeLessThan(16 * 1.2 + 18);
          expect(body.up).toBeGreaterThanOrEqual(-0.2);
          expect(body.up).toBeLessThan(110);
          expect(Number.isFinite(energy)).toBe(true);
          before = { energy, ...body };
        }
        void world.kill();
      }),
      { numRuns: 8 },
    );
  });

  test('the same seed gives the same flight, however time is cut', async () => {
    await using data = await folder();
    const flights = [1, 0.25, 3.7].map((cut, i) => {
      const world = openWorld({ data: `${data.path}/${i}`, seed: 7 });
      world.fleet.handle(missionCommand(missionFor(world.fleet, 'drone-1')));
      for (let time = 0; time < 185 - 1e-6; time += cut) {
        world.fleet.advance(cut);
        world.fleet.sample('drone-1');
      }
      const { body, energy } = world.fleet.drone('drone-1')!;
      void world.kill();
      return { ...body, energy };
    });
    expect(flights[1]).toEqual(flights[0]);
    expect(flights[2]).toEqual(flights[0]);
  });
});
