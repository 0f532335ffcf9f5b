import { afterAll, beforeAll, expect, test } from 'vitest';
import { availableFrom } from '../../functions/drone/availability.ts';
import { droneService } from '../../functions/drone/drone.functions.ts';
import { DROPOFF, type Fleet, fleetOf, OWNER, PICKUP } from '../../functions/drone/fleet.fixture.ts';
import { createDroneRepository, type DroneRepository } from '../../functions/drone/repository.ts';
import { createReserve } from '../../functions/drone/reserve.ts';
import type { AvailableDrone } from '../../functions/drone/schemas.ts';
import { type Harness, service, startHarness } from '../harness/service.ts';

/** 10,000 in the long run: `npm run test:contention`. */
const ROUNDS = Number(process.env['CONTENTION_ROUNDS'] ?? 200);
const WIDTH = 50;
const ROUND_MS = 10_000;

let harness: Harness;
let fleet: Fleet;
let real: DroneRepository;

beforeAll(async () => {
  harness = await startHarness({ containers: ['drones', 'availableDrones', 'droneDeliveries'] });
  harness.add('drone', droneService);
  fleet = fleetOf(harness);
  real = createDroneRepository(harness.database);
  await fleet.add('one');
});
afterAll(() => harness[Symbol.asyncDispose]());

/** Every reservation sees the drone free, as it was before the first of them: only the condition of the write decides. */
function stillFree(drone: AvailableDrone): DroneRepository {
  return {
    ...real,
    available: {
      ...real.available,
      within: async ({ except }) => (except.includes(drone.id) ? [] : [drone]),
    },
    sweep: { ...real.sweep, freeLapsed: async () => [] },
    fleet: async () => [],
  };
}

const as = { principal: service('contoso'), headers: {}, log: undefined as never };
const task = {
  owner: OWNER,
  generation: 1,
  pickup: PICKUP,
  dropoff: DROPOFF,
  weight: 1,
  size: 'Small' as const,
};
const input = (deliveryId: string) => ({
  params: { deliveryId },
  query: {},
  body: { ...task, expedited: false, exclude: [] },
});

test(
  `${WIDTH} deliveries at the same moment for one drone: exactly one gets it, ${ROUNDS} times`,
  async () => {
    let fence = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const reserve = createReserve(
        stillFree(availableFrom(await real.drone('one')) as AvailableDrone),
        harness.deps('drone'),
      );
      const asked = Array.from({ length: WIDTH }, (_, index) => reserve(input(`r${round}-${index}`), as));
      const answers = await Promise.allSettled(asked);
      const won = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.body] : []));
      expect(won).toHaveLength(1);
      const [winner] = won as [(typeof won)[number]];
      expect(winner).toMatchObject({ droneId: 'one', fence: fence + 1 });
      ({ fence } = winner);
      for (const answer of answers) {
        if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'no_feasible_drone' });
      }
      expect(await fleet.holds()).toEqual({ one: winner.deliveryId });
      await fleet.release(winner.deliveryId);
    }
  },
  ROUNDS * ROUND_MS,
);
