/** The plan of shared/geo, held against flights of the simulator, whose dynamics know nothing of it. */
import { expect, test } from 'vitest';
import { planFlight } from '../../shared/geo/flight-plan.ts';
import type { SimulatedDrone } from '../drone/state.ts';
import { airframeOf } from '../physics/airframes.ts';
import { windAt } from '../physics/weather.ts';
import { folder, missionCommand, missionFor, openWorld } from '../world.fixture.ts';

/** A plan may ask for this much more than the flight takes, as a share of it, and never for less. */
const MAX_SPARE = 0.25;
const MAX_FLIGHT_SECONDS = 3_600;

const CASES = ['drone-1', 'drone-2', 'drone-3'].flatMap((id) =>
  [0.1, 0.5, 1].map((load, index) => ({ id, load, seed: index + 1 })),
);
test.each(CASES)(
  'P1 $id with $load of its payload, weather $seed: enough, and not more than a quarter too much',
  async ({ id, load, seed }) => {
    await using data = await folder();
    await using world = openWorld({ data: data.path, seed });
    const { fleet } = world;
    const drone = fleet.drone(id) as SimulatedDrone;
    const airframe = airframeOf(drone.model);
    drone.energy = airframe.capacity * drone.traits.health;
    const mission = missionFor(fleet, id, { payload: airframe.maxPayload * load });
    const plan = planFlight({
      ...mission,
      from: drone.base.position,
      base: drone.base.position,
      battery: 1,
      wind: windAt(fleet.weather, airframe.cruiseAltitude),
    });
    const full = drone.energy;
    fleet.handle(missionCommand(mission));
    let left = full;
    for (let second = 0; drone.phase !== 'Parked' && second < MAX_FLIGHT_SECONDS; second += 1) {
      left = drone.energy;
      fleet.advance(1);
    }
    expect(drone.phase).toBe('Parked');
    const used = full - left;
    expect(plan.energy).toBeGreaterThan(used);
    expect(plan.energy / (1 + MAX_SPARE)).toBeLessThan(used * 1.05);
  },
);
