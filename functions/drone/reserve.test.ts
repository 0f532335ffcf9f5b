import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as contract from '../../shared/contracts/drones.ts';
import { AppError } from '../../shared/errors.ts';
import { customer, type Harness, operator, service, startHarness } from '../../tests/harness/service.ts';
import { droneService } from './drone.functions.ts';
import { DROPOFF, type Fleet, fleetOf, OWNER, PICKUP, sample } from './fleet.fixture.ts';
import { createMissionHandlers } from './mission.ts';
import { createDroneRepository, type DroneRepository } from './repository.ts';
import { createReserve } from './reserve.ts';

let harness: Harness;
let fleet: Fleet;

beforeEach(async () => {
  harness = await startHarness({ containers: ['drones', 'availableDrones', 'droneDeliveries'] });
  harness.add('drone', droneService);
  fleet = fleetOf(harness);
});
afterEach(() => harness[Symbol.asyncDispose]());

const droneOf = (reply: { body: Readonly<Record<string, unknown>> | undefined }) =>
  reply.body?.['droneId'] as string;
const fenceOf = (reply: { body: Readonly<Record<string, unknown>> | undefined }) =>
  Number(reply.body?.['fence']);

describe('reserving', () => {
  test('takes the best drone with a fence and a lease, and the same again on every retry', async () => {
    await fleet.add('near', 'far');
    const first = await fleet.reserve('d1');
    expect(first).toMatchObject({
      status: 200,
      body: { droneId: 'near', fence: 1, missionId: 'd1-m1', leaseUntil: '2026-11-23T12:01:00.000Z' },
    });
    expect(await fleet.reserve('d1')).toEqual(first);
    expect(await fleet.holds()).toEqual({ near: 'd1' });
  });

  test('counts the drones that cannot by their reason, and names none of them (W18)', async () => {
    await fleet.add('busy', 'tired', 'deaf', 'tried', 'small', 'flying', 'second-tired');
    const others = ['tired', 'deaf', 'tried', 'small', 'flying', 'second-tired'];
    const fence = fenceOf(await fleet.reserve('other', { exclude: others }));
    await fleet.dispatch('other', fence);
    await fleet.confirm('other', fence);
    await fleet.register('small', { cargoBay: 'Small' });
    await fleet.register('unheard');
    await fleet.register('broken', { health: 'Maintenance' });
    await fleet.register('parked', { acceptsMissions: false });
    harness.clock.advance(40);
    const states = { tired: { battery: 0.1 }, 'second-tired': { battery: 0.1 }, flying: { leg: 'ToBase' } };
    for (const droneId of ['busy', 'tired', 'tried', 'small', 'flying', 'second-tired']) {
      const change = (states as Record<string, object>)[droneId] ?? {};
      await fleet.hear(sample(droneId, harness.clock.now, { seq: 3, ...change }));
    }
    harness.clock.advance(55);
    for (const droneId of ['busy', 'tired', 'tried', 'small', 'flying', 'second-tired']) {
      const change = (states as Record<string, object>)[droneId] ?? {};
      await fleet.hear(sample(droneId, harness.clock.now, { seq: 4, ...change }));
    }
    const refused = await fleet.reserve('d1', { exclude: ['tried'], size: 'Medium' });
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'no_feasible_drone', detail: 'no drone can fly this delivery now' },
    });
    expect(refused.body?.['refusals']).toEqual([
      { code: 'too_large', count: 1 },
      { code: 'in_maintenance', count: 1 },
      { code: 'accepts_no_missions', count: 1 },
      { code: 'tried_before', count: 1 },
      { code: 'never_heard', count: 1 },
      { code: 'silent', count: 1 },
      { code: 'reserved', count: 1 },
      { code: 'in_flight', count: 1 },
      { code: 'out_of_range', count: 2 },
    ]);
    expect(JSON.stringify(refused.body)).not.toMatch(/busy|tired|Wh/);
  });

  test.each([
    ['Small', 'Small', 200],
    ['Medium', 'Small', 409],
    ['Medium', 'Medium', 200],
    ['Large', 'Medium', 409],
    ['Large', 'Large', 200],
  ])('a %s package by a drone with a %s cargo bay is answered %i (W22)', async (size, cargoBay, status) => {
    await fleet.add('one');
    await fleet.register('one', { cargoBay });
    const quote = await harness.request(contract.quoteDrone, {
      as: service('contoso'),
      body: { pickup: PICKUP, dropoff: DROPOFF, weight: 1, size },
    });
    expect(quote.body?.['feasible']).toBe(status === 200);
    expect((await fleet.reserve('d1', { size })).status).toBe(status);
  });

  test('a package as heavy as the drone may carry is carried, and one that is heavier is not', async () => {
    await fleet.add('one');
    const heavier = await fleet.reserve('d1', { weight: 5.001 });
    expect(heavier.body?.['refusals']).toEqual([{ code: 'too_heavy', count: 1 }]);
    expect((await fleet.reserve('d1', { weight: 5 })).status).toBe(200);
  });

  test('keeps a deadline in any time zone', async () => {
    await fleet.add('one');
    const soon = await fleet.reserve('d1', { deadline: '2026-11-23T14:00:30+02:00' });
    expect(soon).toMatchObject({ status: 409, body: { code: 'no_feasible_drone' } });
    expect((await fleet.reserve('d1', { deadline: '2026-11-23T16:00:00+02:00' })).status).toBe(200);
  });

  test('twenty deliveries at the same moment for seven drones: seven get one each, the others the reasons', async () => {
    const drones = Array.from({ length: 7 }, (_, index) => `drone-${index}`);
    await fleet.add(...drones);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => fleet.reserve(`d${index}`)));
    const won = answers.filter(({ status }) => status === 200);
    expect(new Set(won.map(droneOf)).size).toBe(7);
    expect(won).toHaveLength(7);
    for (const lost of answers.filter(({ status }) => status !== 200)) {
      expect(lost).toMatchObject({ status: 409, body: { code: 'no_feasible_drone' } });
    }
    const holds = await fleet.holds();
    for (const answer of won) expect(holds[droneOf(answer)]).toBe(answer.body?.['deliveryId']);
    expect(Object.keys(holds)).toHaveLength(7);
  });

  test('one delivery ten times at the same moment gets one drone (R1)', async () => {
    await fleet.add('one', 'two', 'three');
    const answers = await Promise.all(Array.from({ length: 10 }, () => fleet.reserve('d1')));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
    expect(await fleet.holds()).toEqual({ [droneOf(answers[0] as never)]: 'd1' });
  });
});

describe('a lease', () => {
  test('that ran out lets another delivery take the drone, under a newer fence (S2); the first hears that it is over', async () => {
    await fleet.add('one');
    const first = await fleet.reserve('d1');
    harness.clock.advance(61);
    await fleet.add('one');
    await fleet.hear(sample('one', harness.clock.now, { seq: 2 }));
    const second = await fleet.reserve('d2');
    expect(fenceOf(second)).toBe(2);
    expect(await fleet.dispatch('d1', fenceOf(first))).toMatchObject({
      status: 409,
      body: { code: 'stale' },
    });
    expect((await fleet.reserve('d1')).body?.['code']).toBe('no_feasible_drone');
    await fleet.release('d1');
    expect(await fleet.holds()).toEqual({ one: 'd2' });
  });

  test('is renewed by the dispatch, and ends no more once the mission is accepted', async () => {
    await fleet.add('one');
    const fence = fenceOf(await fleet.reserve('d1'));
    harness.clock.advance(50);
    expect((await fleet.dispatch('d1', fence)).status).toBe(202);
    harness.clock.advance(50);
    expect(await fleet.holds()).toEqual({ one: 'd1' });
    expect((await fleet.confirm('d1', fence)).status).toBe(204);
    harness.clock.advance(3600);
    expect(await fleet.holds()).toEqual({ one: 'd1' });
  });
});

describe('another generation', () => {
  test('gets another drone, and the first is free at once', async () => {
    await fleet.add('one', 'two');
    const fence = fenceOf(await fleet.reserve('d1'));
    await fleet.dispatch('d1', fence);
    await fleet.confirm('d1', fence);
    const second = await fleet.reserve('d1', { generation: 2, exclude: ['one'] });
    expect(second.body).toMatchObject({ droneId: 'two', missionId: 'd1-m2' });
    expect(await fleet.holds()).toEqual({ two: 'd1' });
    expect(await fleet.reserve('d1')).toMatchObject({ status: 409, body: { code: 'stale' } });
    const types = (await fleet.events('d1')).map(({ type, kind }) => type ?? kind);
    expect(types).toEqual(['Mission', 'DroneAssigned', 'DroneReleased']);
  });

  test('may get the same drone again', async () => {
    await fleet.add('one');
    await fleet.reserve('d1');
    expect(await fleet.reserve('d1', { generation: 2 })).toMatchObject({
      status: 200,
      body: { droneId: 'one', fence: 2 },
    });
  });

  test('that finds no drone leaves none of the earlier one behind, no matter how often it asks (R2)', async () => {
    await fleet.add('one');
    const fence = fenceOf(await fleet.reserve('d1'));
    await fleet.dispatch('d1', fence);
    await fleet.confirm('d1', fence);
    for (let round = 0; round < 3; round++) {
      const refused = await fleet.reserve('d1', { generation: 2, exclude: ['one'] });
      expect(refused.body?.['code']).toBe('no_feasible_drone');
    }
    expect(await fleet.holds()).toEqual({});
  });

  test('that lost the race for its candidate leaves none of the earlier one behind', async () => {
    await fleet.add('one', 'two');
    const fence = fenceOf(await fleet.reserve('d1'));
    await fleet.dispatch('d1', fence);
    await fleet.confirm('d1', fence);
    const real = createDroneRepository(harness.database);
    const unlucky: DroneRepository = { ...real, hold: async () => false };
    const attempt = createReserve(unlucky, harness.deps('drone'));
    await expect(attempt(input('d1', 2, ['one']), call)).rejects.toMatchObject({ code: 'no_feasible_drone' });
    expect(await fleet.holds()).toEqual({});
    await fleet.release('d1');
    expect((await fleet.job('d1'))?.status).toBe('Released');
  });

  test('after a release: the released generation gets nothing more, the next does', async () => {
    await fleet.add('one');
    await fleet.reserve('d1');
    await fleet.release('d1');
    expect(await fleet.reserve('d1')).toMatchObject({ status: 409, body: { code: 'stale' } });
    expect((await fleet.reserve('d1', { generation: 2 })).status).toBe(200);
  });
});

const call = { principal: service('contoso'), headers: {}, log: undefined as never };
const input = (deliveryId: string, generation = 1, exclude: string[] = []) => ({
  params: { deliveryId },
  query: {},
  body: {
    owner: OWNER,
    generation,
    pickup: PICKUP,
    dropoff: DROPOFF,
    weight: 1,
    size: 'Small' as const,
    expedited: false,
    exclude,
  },
});

/** Fails around the n-th write: before it, or after it was done. */
function dying(real: DroneRepository, fatal: number, when: 'before' | 'after'): DroneRepository {
  let writes = 0;
  const dead = () => new AppError('dependency_unavailable', 'the process died here');
  const guarded =
    <A extends readonly unknown[], R>(write: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      writes += 1;
      if (writes === fatal && when === 'before') throw dead();
      const result = await write(...args);
      if (writes === fatal) throw dead();
      return result;
    };
  return {
    ...real,
    saveJob: guarded(real.saveJob),
    hold: guarded(real.hold),
    extend: guarded(real.extend),
    free: guarded(real.free),
  };
}

describe('a process that dies around any write', () => {
  const deaths = (writes: number) =>
    Array.from({ length: writes }, (_, index) => index + 1).flatMap((fatal) =>
      (['before', 'after'] as const).map((when) => [when, fatal] as const),
    );

  test.each(deaths(3))('%s write %i of a reservation: the retry holds one drone', async (when, fatal) => {
    await fleet.add('one', 'two');
    const real = createDroneRepository(harness.database);
    const once = createReserve(dying(real, fatal, when), harness.deps('drone'));
    await expect(once(input('d1'), call)).rejects.toMatchObject({ code: 'dependency_unavailable' });
    const retried = await fleet.reserve('d1');
    expect(retried.status).toBe(200);
    expect(await fleet.holds()).toEqual({ [droneOf(retried)]: 'd1' });
    expect((await fleet.job('d1'))?.status).toBe('Reserved');
  });

  test.each(deaths(4))(
    '%s write %i of a reassignment: the retry holds the other drone only',
    async (when, fatal) => {
      await fleet.add('one', 'two');
      const fence = fenceOf(await fleet.reserve('d1'));
      await fleet.dispatch('d1', fence);
      await fleet.confirm('d1', fence);
      const real = createDroneRepository(harness.database);
      const once = createReserve(dying(real, fatal, when), harness.deps('drone'));
      await expect(once(input('d1', 2, ['one']), call)).rejects.toMatchObject({
        code: 'dependency_unavailable',
      });
      expect((await fleet.reserve('d1', { generation: 2, exclude: ['one'] })).status).toBe(200);
      expect(await fleet.holds()).toEqual({ two: 'd1' });
      const released = (await fleet.events('d1')).filter(({ type }) => type === 'DroneReleased');
      expect(released).toHaveLength(1);
    },
  );

  test('between the lost race and the next candidate: another call of the same delivery keeps one drone', async () => {
    await fleet.add('one', 'two');
    const real = createDroneRepository(harness.database);
    const raced: DroneRepository = {
      ...real,
      hold: async (droneId, ...rest) => {
        await fleet.reserve('d1');
        return real.hold(droneId, ...rest);
      },
    };
    const mine = await createReserve(raced, harness.deps('drone'))(input('d1'), call);
    expect(await fleet.holds()).toEqual({ [mine.body.droneId]: 'd1' });
  });

  test('a drone that was reserved and freed since it was read is not taken under the same fence', async () => {
    await fleet.add('one');
    const real = createDroneRepository(harness.database);
    let seen = 0;
    const slow: DroneRepository = {
      ...real,
      hold: async (droneId, fence, ...rest) => {
        if (++seen === 1) {
          expect(fenceOf(await fleet.reserve('quick'))).toBe(fence + 1);
          await fleet.release('quick');
        }
        return real.hold(droneId, fence, ...rest);
      },
    };
    const attempt = createReserve(slow, harness.deps('drone'))(input('slow'), call);
    await expect(attempt).rejects.toMatchObject({ code: 'no_feasible_drone' });
    expect(fenceOf(await fleet.reserve('slow'))).toBe(2);
  });

  test('a reservation whose release comes first, and its hold after, leaves the drone free', async () => {
    await fleet.add('one');
    const real = createDroneRepository(harness.database);
    const late: DroneRepository = {
      ...real,
      hold: async (...args) => {
        await fleet.release('d1');
        return real.hold(...args);
      },
    };
    const attempt = createReserve(late, harness.deps('drone'))(input('d1'), call);
    await expect(attempt).rejects.toMatchObject({ code: 'stale' });
    expect(await fleet.holds()).toEqual({});
  });

  test.each(deaths(2))('%s write %i of a release: the retry leaves the drone free', async (when, fatal) => {
    await fleet.add('one');
    const fence = fenceOf(await fleet.reserve('d1'));
    await fleet.dispatch('d1', fence);
    await fleet.confirm('d1', fence);
    const real = createDroneRepository(harness.database);
    const { release } = createMissionHandlers(dying(real, fatal, when), harness.deps('drone'));
    const once = release({ params: { deliveryId: 'd1' }, query: {}, body: undefined }, call);
    await expect(once).rejects.toMatchObject({ code: 'dependency_unavailable' });
    expect((await fleet.release('d1')).status).toBe(204);
    expect(await fleet.holds()).toEqual({});
    expect((await fleet.job('d1'))?.status).toBe('Released');
    const released = (await fleet.events('d1')).filter(({ type }) => type === 'DroneReleased');
    expect(released).toHaveLength(1);
  });

  test('a reservation that comes after its release gets nothing (R3)', async () => {
    await fleet.add('one');
    const real = createDroneRepository(harness.database);
    const late: DroneRepository = {
      ...real,
      hold: async (...args) => {
        const held = await real.hold(...args);
        await fleet.release('d1');
        return held;
      },
    };
    const attempt = createReserve(late, harness.deps('drone'))(input('d1'), call);
    await expect(attempt).rejects.toMatchObject({ code: 'stale' });
    expect(await fleet.holds()).toEqual({});
  });
});

describe('any calls, in any order and at the same moment', () => {
  type Ask =
    | {
        kind: 'reserve' | 'dispatch' | 'confirm' | 'recall' | 'release';
        delivery: number;
        generation: number;
      }
    | { kind: 'wait'; seconds: number };
  const asks = fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constantFrom('reserve', 'reserve', 'dispatch', 'confirm', 'recall', 'release'),
        delivery: fc.integer({ min: 0, max: 3 }),
        generation: fc.integer({ min: 1, max: 3 }),
      }),
      fc.record({ kind: fc.constant('wait' as const), seconds: fc.constantFrom(10, 61) }),
    ),
    { minLength: 5, maxLength: 25 },
  );

  test('no delivery ends up with two drones, and after its release with none', async () => {
    await fleet.add('one', 'two', 'three');
    let run = 0;
    await fc.assert(
      fc.asyncProperty(asks, fc.integer({ min: 1, max: 5 }), async (list, width) => {
        run += 1;
        const ids = [0, 1, 2, 3].map((delivery) => `run-${run}-${delivery}`);
        const ask = async (each: Ask) => {
          if (each.kind === 'wait') {
            harness.clock.advance(each.seconds);
            return;
          }
          const id = ids[each.delivery] as string;
          const fence = (await fleet.job(id))?.fence ?? 1;
          if (each.kind === 'reserve') await fleet.reserve(id, { generation: each.generation });
          else await fleet[each.kind](id, fence);
        };
        for (let index = 0; index < list.length; index += width) {
          await Promise.all(list.slice(index, index + width).map((each) => ask(each as Ask)));
          for (const droneId of ['one', 'two', 'three']) {
            await fleet.hear(sample(droneId, harness.clock.now, { boot: `r${run}-${index}` }));
          }
          const holders = Object.values(await fleet.holds());
          expect(new Set(holders).size).toBe(holders.length);
        }
        await Promise.all(ids.map((id) => fleet.release(id)));
        expect(await fleet.holds()).toEqual({});
      }),
      { numRuns: 15 },
    );
  }, 120_000);
});

test('the fleet’s routes are not for customers', async () => {
  const as = customer('contoso');
  expect((await harness.request(contract.listDrones, { as })).status).toBe(403);
  const params = { deliveryId: 'd1' };
  expect((await harness.request(contract.reserveDrone, { as, params, body: {} })).status).toBe(403);
  expect((await harness.request(contract.releaseDrone, { as: operator, params })).status).toBe(403);
});
