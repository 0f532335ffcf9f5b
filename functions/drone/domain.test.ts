import { describe, expect, test } from 'vitest';
import type { FlightPerformance } from '../../shared/contracts/flight.ts';
import { destination } from '../../shared/geo/distance.ts';
import { planFlight } from '../../shared/geo/flight-plan.ts';
import { availableFrom, type FleetDrone, isHeld, unavailable } from './availability.ts';
import { type Candidate, choose, spentBy, type Task } from './domain.ts';
import { createRefusals } from './refusals.ts';
import type { Hold, JobDocument, RegistryDocument, StateDocument } from './schemas.ts';

const NOW = new Date('2026-11-23T12:00:00.000Z');
const before = (ms: number) => new Date(NOW.getTime() - ms).toISOString();
const base = { latitude: 47.6, longitude: -122.3, altitude: 0 };
const performance: FlightPerformance = {
  cruiseSpeed: 16,
  climbRate: 4,
  descentRate: 3,
  cruiseAltitude: 80,
  emptyMass: 9,
  maxPayload: 5,
  batteryCapacity: 1000,
  cruiseEnergy: 0.03,
  hoverPower: 1200,
  handlingTime: 20,
  reserve: 0.2,
};
const registry = (change: Partial<RegistryDocument> = {}): RegistryDocument => ({
  id: 'registry',
  type: 'registry',
  droneId: 'drone-1',
  model: 'courier',
  performance,
  base: { baseId: 'north', position: base },
  cargoBay: 'Medium',
  health: 'Ok',
  acceptsMissions: true,
  hold: null,
  fence: 7,
  ...change,
});
const state = (change: Partial<StateDocument> = {}): StateDocument => ({
  id: 'state',
  type: 'state',
  droneId: 'drone-1',
  boot: 'b1',
  seq: 1,
  odometer: 0,
  time: before(0),
  position: base,
  heading: 0,
  battery: 1,
  flightMode: 'Ready',
  leg: 'Idle',
  loaded: false,
  ...change,
});
const task: Task = {
  pickup: destination(base, 1_000, 90),
  dropoff: destination(base, 1_500, 0),
  weight: 1,
  size: 'Medium',
  exclude: [],
};
const drone = (
  change: Partial<RegistryDocument> = {},
  heard: Partial<StateDocument> | undefined = {},
): FleetDrone => ({ registry: registry(change), state: heard && state(heard) });
const hold = (until: string | null): Hold => ({ deliveryId: 'd9', generation: 1, fence: 7, until });
/** The choice among those that are available, and why the others are not. */
async function select(fleet: FleetDrone[], asked: Partial<Task> = {}) {
  const wanted = { ...task, ...asked };
  const there = fleet.flatMap((each) => (unavailable(each, NOW) ? [] : (availableFrom(each) ?? [])));
  const { candidates, refused } = choose(there, wanted, { now: NOW, timeScale: 1 });
  const tally = new Map(refused.map((code) => [code, refused.filter((each) => each === code).length]));
  const able = new Set(candidates.map(({ droneId }) => droneId));
  const others = fleet.filter(({ registry: { droneId } }) => !able.has(droneId));
  const { count } = createRefusals({ fleet: async () => others, now: () => NOW });
  return { candidates, refusals: await count(wanted, tally) };
}
const refusalOf = async (each: FleetDrone, asked: Partial<Task> = {}) =>
  (await select([each], asked)).refusals.map(({ code }) => code)[0];

describe('a drone', () => {
  test('that can fly the delivery is a candidate with its fence, its way and its times', async () => {
    const { candidates, refusals } = await select([drone()]);
    const [candidate] = candidates as [Candidate];
    const plan = planFlight({ from: base, base, ...task, payload: task.weight, performance, battery: 1 });
    expect(refusals).toEqual([]);
    expect(candidates).toHaveLength(1);
    expect(candidate).toMatchObject({ droneId: 'drone-1', fence: 7, distance: plan.distance });
    const seconds = (time: string) => (Date.parse(time) - NOW.getTime()) / 1000;
    expect(seconds(candidate.pickupEta.at)).toBeCloseTo(plan.toPickup, 2);
    expect(seconds(candidate.deliveryEta.at)).toBeCloseTo(plan.toDropoff, 2);
    expect(candidate.deliveryEta.earliest < candidate.deliveryEta.at).toBe(true);
  });

  const cannot: [string, FleetDrone, Partial<Task>][] = [
    ['too_large', drone({ cargoBay: 'Small' }), {}],
    ['too_large', drone(), { size: 'Large' }],
    ['too_heavy', drone(), { weight: 5.1 }],
    ['in_maintenance', drone({ health: 'Maintenance' }), {}],
    ['accepts_no_missions', drone({ acceptsMissions: false }), {}],
    ['tried_before', drone(), { exclude: ['drone-1'] }],
    ['never_heard', { registry: registry(), state: undefined }, {}],
    ['silent', drone({}, { time: before(90_001) }), {}],
    ['reserved', drone({ hold: hold(null) }), {}],
    ['in_flight', drone({}, { leg: 'ToBase' }), {}],
    ['out_of_range', drone({}, { battery: 0.2 }), {}],
    ['too_late', drone(), { deadline: before(-60_000) }],
  ];
  test.each(cannot)('that cannot counts under its reason: %s', async (code, each, asked) => {
    expect(await select([each], asked)).toEqual({ candidates: [], refusals: [{ code, count: 1 }] });
  });

  test('that cannot for many reasons counts under the most lasting one', async () => {
    const everything = drone(
      { cargoBay: 'Small', health: 'Maintenance', acceptsMissions: false, hold: hold(null) },
      { time: before(100_000), leg: 'ToBase', battery: 0 },
    );
    const asked = { weight: 6, exclude: ['drone-1'], deadline: before(0) };
    const repairs: [string, Partial<RegistryDocument>, Partial<StateDocument>, Partial<Task>][] = [
      ['too_large', {}, {}, {}],
      ['too_heavy', { cargoBay: 'Large' }, {}, {}],
      ['in_maintenance', {}, {}, { weight: 1 }],
      ['accepts_no_missions', { health: 'Ok' }, {}, {}],
      ['tried_before', { acceptsMissions: true }, {}, {}],
      ['silent', {}, {}, { exclude: [] }],
      ['reserved', {}, { time: before(0) }, {}],
      ['in_flight', { hold: null }, {}, {}],
      ['out_of_range', {}, { leg: 'Idle' }, {}],
      ['too_late', {}, { battery: 1 }, {}],
    ];
    let [entry, heard, wanted] = [
      everything.registry,
      everything.state as StateDocument,
      asked as Partial<Task>,
    ];
    for (const [code, change, news, less] of repairs) {
      entry = { ...entry, ...change };
      heard = { ...heard, ...news };
      wanted = { ...wanted, ...less };
      expect(await refusalOf({ registry: entry, state: heard }, wanted)).toBe(code);
    }
  });

  test('just fits: the largest size of its bay, the greatest payload, 90 s of silence', async () => {
    expect((await select([drone()], { size: 'Medium', weight: 5 })).candidates).toHaveLength(1);
    expect((await select([drone()], { size: 'Small' })).candidates).toHaveLength(1);
    expect((await select([drone({}, { time: before(90_000) })])).candidates).toHaveLength(1);
  });

  test('of which no bay is known takes every size', async () => {
    const { cargoBay: _, ...old } = registry();
    expect((await select([{ registry: old, state: state() }], { size: 'Large' })).candidates).toHaveLength(1);
  });

  test('may arrive at the deadline itself, with any offset, and not later', async () => {
    const [{ deliveryEta }] = (await select([drone()])).candidates as [Candidate];
    const east = `${new Date(Date.parse(deliveryEta.at) + 3_600_000).toISOString().slice(0, -1)}+01:00`;
    expect((await select([drone()], { deadline: east })).candidates).toHaveLength(1);
    const earlier = new Date(Date.parse(deliveryEta.at) - 1).toISOString();
    expect(await refusalOf(drone(), { deadline: earlier })).toBe('too_late');
  });
});

describe('of several drones', () => {
  const far = { position: destination(base, 2_000, 270) };
  test('the one that delivers earlier comes first, in any order of the fleet', async () => {
    const near = drone({ droneId: 'near' });
    const distant = drone({ droneId: 'distant' }, far);
    for (const fleet of [
      [near, distant],
      [distant, near],
    ]) {
      expect((await select(fleet)).candidates.map(({ droneId }) => droneId)).toEqual(['near', 'distant']);
    }
  });

  test('of two that deliver at the same time the fuller battery comes first, so that batteries wear evenly', async () => {
    const fleet = [drone({ droneId: 'low' }, { battery: 0.7 }), drone({ droneId: 'full' })];
    expect((await select(fleet)).candidates.map(({ droneId }) => droneId)).toEqual(['full', 'low']);
  });

  test('of two that deliver at the same time the one that uses less energy comes first', async () => {
    // The thirsty drone's battery is larger, so that both are as empty afterwards.
    const thirsty = { ...performance, cruiseEnergy: 0.06, hoverPower: 2400, batteryCapacity: 1e6 };
    const frugal = { ...performance, batteryCapacity: 1e6 };
    const fleet = [
      drone({ droneId: 'thirsty', performance: thirsty }),
      drone({ droneId: 'frugal', performance: frugal }),
    ];
    expect((await select(fleet)).candidates.map(({ droneId }) => droneId)).toEqual(['frugal', 'thirsty']);
  });

  test('a cost is a second’s worth for a second, half for a watt-hour, and up to 60 for the battery', async () => {
    const [{ cost }] = (await select([drone()])).candidates as [Candidate];
    const plan = planFlight({ from: base, base, ...task, payload: task.weight, performance, battery: 1 });
    const wear = 60 * (plan.energy / 1_000) ** 2;
    expect(cost).toBeCloseTo(plan.toDropoff + 0.5 * plan.energy + wear, 6);
  });

  test('the refusals are counted by reason, the most lasting first', async () => {
    const fleet = [
      drone({}, { battery: 0 }),
      drone({ health: 'Maintenance' }),
      drone({}, { battery: 0.1 }),
      drone({ droneId: 'able' }),
      drone({ health: 'Maintenance' }),
      drone({ health: 'Maintenance' }),
    ];
    const { candidates, refusals } = await select(fleet);
    expect(candidates).toHaveLength(1);
    expect(refusals).toEqual([
      { code: 'in_maintenance', count: 3 },
      { code: 'out_of_range', count: 2 },
    ]);
  });
});

test('a lease ends at its time; a drone under way has none', () => {
  expect(isHeld(registry(), NOW)).toBe(false);
  expect(isHeld(registry({ hold: hold(null) }), NOW)).toBe(true);
  expect(isHeld(registry({ hold: hold(before(-1)) }), NOW)).toBe(true);
  expect(isHeld(registry({ hold: hold(before(0)) }), NOW)).toBe(false);
});

describe('the metres and the time of a job', () => {
  const job = (change: Partial<JobDocument>) =>
    ({ status: 'Accepted', assignedAt: before(60_000), odometerAtStart: 100, ...change }) as JobDocument;

  test('grow from the assignment on, and never shrink', () => {
    expect(spentBy(job({}), 350, NOW)).toEqual({ metres: 250, ms: 60_000 });
    expect(spentBy(job({ spent: { metres: 40, ms: 5 } }), 350, NOW)).toEqual({ metres: 290, ms: 60_005 });
    // The drone's odometer began again, or its clock is behind.
    expect(spentBy(job({}), 10, NOW)).toEqual({ metres: 0, ms: 60_000 });
    expect(spentBy(job({ assignedAt: before(-5) }), 100, NOW)).toEqual({ metres: 0, ms: 0 });
  });

  test('are time only while the drone has not been heard', () => {
    const { odometerAtStart: _, ...unheard } = job({});
    expect(spentBy(unheard, 350, NOW)).toEqual({ metres: 0, ms: 60_000 });
  });

  test.each(['Intended', 'Released'] as const)('that is %s are those of its earlier drones', (status) => {
    expect(spentBy(job({ status }), 350, NOW)).toEqual({ metres: 0, ms: 0 });
    expect(spentBy(job({ status, spent: { metres: 40, ms: 5 } }), 350, NOW)).toEqual({ metres: 40, ms: 5 });
  });
});
