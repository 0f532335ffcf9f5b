/** The intervals of shared/geo's ETA, counted against flights of the simulator, whose dynamics know nothing of them. */
import { expect, test } from 'vitest';
import type { FlightEvent, Mission, Telemetry } from '../../shared/contracts/flight.ts';
import { type ObservedSpeed, observeSpeed, type Remaining, remaining } from '../../shared/geo/eta.ts';
import { DEMO_ADDRESSES } from '../../shared/geo/service-area/service-area.ts';
import { capacityOf, type SimulatedDrone } from '../drone/state.ts';
import { address, folder, missionCommand, missionFor, openWorld, type TestWorld } from '../world.fixture.ts';

const SEEDS = 4;
const MAX_FLIGHT_SECONDS = 3_600;
/** An ETA is taken this often, seconds. */
const EVERY = 20;

interface Estimate {
  readonly droneId: string;
  readonly at: number;
  readonly toPickup?: Remaining;
  readonly toDropoff?: Remaining;
}

/** Flies one mission with each drone of a world: its estimates on the way, and when it really arrived. */
function fly({ fleet }: TestWorld, seed: number) {
  const missions = new Map<string, Mission>();
  for (const [index, drone] of fleet.drones.entries()) {
    (drone as SimulatedDrone).energy = capacityOf(drone);
    const place = (offset: number) =>
      address(DEMO_ADDRESSES[(seed * 3 + index + offset) % DEMO_ADDRESSES.length] as string);
    const mission = missionFor(fleet, drone.id, { pickup: place(0), dropoff: place(5) });
    missions.set(drone.id, mission);
    fleet.handle(missionCommand(mission));
  }
  const estimates: Estimate[] = [];
  const observed = new Map<string, ObservedSpeed | undefined>();
  const legs = new Map<string, { readonly leg: Telemetry['leg']; readonly since: number }>();
  const events: { readonly event: FlightEvent; readonly at: number }[] = [];
  for (let second = 0; second < MAX_FLIGHT_SECONDS; second += 1) {
    for (const event of fleet.advance(1)) events.push({ event, at: second });
    for (const [droneId, mission] of missions) {
      const { leg, ...sample } = fleet.sample(droneId);
      if (leg === 'ToBase' || leg === 'Idle') {
        missions.delete(droneId);
        continue;
      }
      const time = new Date(second * 1000).toISOString();
      const speed = observeSpeed(observed.get(droneId), { ...sample, leg, time }, mission.performance);
      observed.set(droneId, speed);
      const known = legs.get(droneId);
      if (known?.leg !== leg) legs.set(droneId, { leg, since: second });
      const { position, loaded, wind } = sample;
      if (second % EVERY !== 0) continue;
      const times = remaining({
        mission,
        position,
        leg,
        loaded,
        handlingFor: second - (legs.get(droneId)?.since ?? second),
        ...(speed ? { observed: speed } : {}),
        ...(wind ? { wind } : {}),
      });
      estimates.push({ droneId, at: second, ...times });
    }
    if (missions.size === 0) break;
  }
  return { estimates, events };
}

test('E2 about 80 % of the arrivals are in their interval, and it is no wider than it need be', async () => {
  const shares: Record<'toPickup' | 'toDropoff', boolean[]> = { toPickup: [], toDropoff: [] };
  const widths: number[] = [];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    await using data = await folder();
    await using world = openWorld({ data: data.path, seed });
    const { estimates, events } = fly(world, seed);
    const arrivalOf = (droneId: string, kind: FlightEvent['kind']) =>
      events.find(({ event }) => event.droneId === droneId && event.kind === kind)?.at;
    for (const { droneId, at, ...times } of estimates) {
      for (const [leg, kind] of [
        ['toPickup', 'ArrivedAtPickup'],
        ['toDropoff', 'Delivered'],
      ] as const) {
        const [time, arrival] = [times[leg], arrivalOf(droneId, kind)];
        if (!time || arrival === undefined) continue;
        shares[leg].push(at + time.low <= arrival && arrival <= at + time.high);
        widths.push((time.high - time.low) / Math.max(60, time.seconds));
      }
    }
  }
  const share = (all: readonly boolean[]) => all.filter(Boolean).length / all.length;
  for (const leg of ['toPickup', 'toDropoff'] as const) {
    expect(shares[leg].length).toBeGreaterThan(100);
    expect(share(shares[leg])).toBeGreaterThan(0.7);
    expect(share(shares[leg])).toBeLessThan(0.9);
  }
  expect(Math.max(...widths)).toBeLessThan(0.25);
});
