/** The ETA of shared/geo, held against flights of the simulator, whose dynamics know nothing of it. */
import { expect, test } from 'vitest';
import type { FlightLeg, Mission } from '../../shared/contracts/flight.ts';
import { fromLocal } from '../../shared/geo/distance.ts';
import { type ObservedSpeed, observeSpeed, type Remaining, remaining } from '../../shared/geo/eta.ts';
import { SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';
import type { Fleet } from '../../simulator/fleet/fleet.ts';
import { airframeOf } from '../../simulator/physics/airframes.ts';
import { type RandomState, randomStream, uniform } from '../../simulator/physics/random.ts';
import { folder, missionCommand, missionFor, openWorld } from '../../simulator/world.fixture.ts';

const MAX_FLIGHT_SECONDS = 3_600;

/** Anywhere within a distance (m) of the city's middle. */
const RADIUS = 2_200;
function somewhere(random: RandomState) {
  const [angle, away] = [2 * Math.PI * uniform(random), RADIUS * Math.sqrt(uniform(random))];
  const place = { east: away * Math.sin(angle), north: away * Math.cos(angle), up: 0 };
  return { ...fromLocal(SERVICE_AREA.center, place), altitude: 0 };
}

interface Watched {
  readonly mission: Mission;
  leg: FlightLeg;
  legSince: number;
  observed: ObservedSpeed | undefined;
  /** The estimates on the way: when each was made, and what it was. */
  readonly estimates: { readonly at: number; readonly of: Remaining }[];
  deliveredAt: number | undefined;
}

const ESTIMATE_EVERY = 20;

/** Flies a mission with every drone of a fleet, estimating as tracking does. */
function flyAll(fleet: Fleet, seed: number): Watched[] {
  const random = randomStream(seed, 'missions');
  const watched = new Map<string, Watched>();
  for (const { id, model } of fleet.drones) {
    const payload = airframeOf(model).maxPayload * uniform(random);
    const mission = missionFor(fleet, id, {
      payload,
      pickup: somewhere(random),
      dropoff: somewhere(random),
    });
    const [answer] = fleet.handle(missionCommand(mission));
    if (answer?.kind !== 'MissionAccepted') continue;
    const state = {
      leg: 'ToPickup',
      legSince: 0,
      observed: undefined,
      estimates: [],
      deliveredAt: undefined,
    };
    watched.set(id, { mission, ...state } as Watched);
  }
  for (let second = 1; second < MAX_FLIGHT_SECONDS; second += 1) {
    for (const { kind, droneId } of fleet.advance(1)) {
      const flight = watched.get(droneId);
      if (flight && kind === 'Delivered') flight.deliveredAt = second;
    }
    const flying = [...watched].filter(([, { deliveredAt }]) => deliveredAt === undefined);
    if (flying.length === 0) break;
    for (const [id, flight] of flying) estimate(fleet, id, flight, second);
  }
  return [...watched.values()].filter(({ deliveredAt }) => deliveredAt !== undefined);
}

function estimate(fleet: Fleet, id: string, flight: Watched, second: number): void {
  const sample = fleet.sample(id);
  if (sample.leg !== flight.leg) Object.assign(flight, { leg: sample.leg, legSince: second });
  flight.observed = observeSpeed(flight.observed, sample, flight.mission.performance);
  if (second % ESTIMATE_EVERY !== 0) return;
  const { toDropoff } = remaining({
    mission: flight.mission,
    position: sample.position,
    leg: sample.leg,
    loaded: sample.loaded,
    handlingFor: second - flight.legSince,
    ...(flight.observed ? { observed: flight.observed } : {}),
    ...(sample.wind ? { wind: sample.wind } : {}),
  });
  if (toDropoff) flight.estimates.push({ at: second, of: toDropoff });
}

test('E2 of 200 missions, the 80 % interval holds about that share of the arrivals', async () => {
  const flights: Watched[] = [];
  for (let seed = 1; flights.length < 200; seed += 1) {
    await using data = await folder();
    await using world = openWorld({ data: data.path, drones: 30, seed });
    flights.push(...flyAll(world.fleet, seed));
  }
  const checks = flights.flatMap(({ estimates, deliveredAt = 0 }) =>
    estimates.map(({ at, of }) => ({ real: deliveredAt - at, ...of })),
  );
  const within = checks.filter(({ real, low, high }) => real >= low && real <= high).length / checks.length;
  const error = checks.reduce((sum, { real, seconds }) => sum + Math.abs(seconds - real), 0) / checks.length;
  const bias = checks.reduce((sum, { real, seconds }) => sum + seconds - real, 0) / checks.length;
  process.stdout.write(
    `${flights.length} missions, ${checks.length} estimates: ${(within * 100).toFixed(1)} % within, mean error ${error.toFixed(1)} s, bias ${bias.toFixed(1)} s\n`,
  );
  expect(within).toBeGreaterThan(0.72);
  expect(within).toBeLessThan(0.9);
}, 120_000);
