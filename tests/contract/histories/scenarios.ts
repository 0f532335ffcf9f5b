/** The scenarios whose histories are kept: every journey to its end, every journey cut off on its way, and what operators do. */
import { createRequire } from 'node:module';
import { createVirtualRun, type Orchestrator, type RecordedRun } from 'azure-local/durable/virtual-run';
import type { OrchestrationHandler } from 'durable-functions';
import {
  compensateOrchestration,
  deliverOrchestration,
} from '../../../functions/scheduler/delivery.orchestration.ts';
import { COMPENSATOR, ORCHESTRATOR } from '../../../functions/scheduler/engine.ts';
import { JOURNEYS } from '../journeys.fixture.ts';
import type { Journey, World } from '../saga.fixture.ts';

const { createOrchestrator } = createRequire(import.meta.url)(
  'durable-functions/lib/src/util/testingUtils.js',
) as { createOrchestrator(handler: OrchestrationHandler): Orchestrator };

/** A generator as the library runs it. */
export const orchestratorOf = (orchestration: unknown): Orchestrator =>
  createOrchestrator(orchestration as OrchestrationHandler);

export const ORCHESTRATORS: Readonly<Record<string, Orchestrator>> = {
  [ORCHESTRATOR]: orchestratorOf(deliverOrchestration),
  [COMPENSATOR]: orchestratorOf(compensateOrchestration),
};

export interface Scenario {
  /** Also the name of its file. */
  readonly name: string;
  /** The runs of the delivery's orchestrations, in order. */
  record(world: World): Promise<readonly RecordedRun[]>;
}

export const SCENARIOS: readonly Scenario[] = [
  ...JOURNEYS.map((journey) => ({
    name: journey.name,
    record: async (world: World) => [await record(world, await world.ask(journey), journey)],
  })),
  ...JOURNEYS.map((journey) => ({
    name: `${journey.name}, cut off`,
    record: async (world: World) => {
      const deliveryId = await world.ask(journey);
      const cut = await record(world, deliveryId, journey, CUT_OFF_AFTER);
      await endBy(world, deliveryId);
      return [cut];
    },
  })),
  {
    name: 'compensated by an operator',
    record: async (world) => {
      const [journey] = JOURNEYS as [Journey];
      const deliveryId = await world.ask(journey);
      const cut = await record(world, deliveryId, journey, CUT_OFF_AFTER);
      await world.compensate(deliveryId);
      return [cut, await record(world, deliveryId, { ...journey, events: [] })];
    },
  },
  {
    name: 'begun again by a nudge',
    record: async (world) => {
      const [journey] = JOURNEYS as [Journey];
      const deliveryId = await world.ask(journey);
      const cut = await record(world, deliveryId, journey, CUT_OFF_AFTER);
      await world.nudge(deliveryId);
      return [cut, await record(world, deliveryId, journey)];
    },
  },
];

/** Activities; a journey has more. */
const CUT_OFF_AFTER = 3;

export const fileOf = ({ name }: Scenario): string => `${name.replace(/[^a-z]+/g, '-')}.json`;

/** Runs the orchestration that the engine has for the delivery. */
async function record(
  world: World,
  deliveryId: string,
  journey: Journey,
  stopsAfter?: number,
): Promise<RecordedRun> {
  const { id, name, input } = world.engine.instanceOf(deliveryId);
  const { clock } = world.harness;
  const begin = clock.now.getTime();
  const events = journey.events.map((event) => ({
    at: new Date(begin + event.at * 1000),
    run: () => world.messages.happen(deliveryId, event),
  }));
  const orchestrator = ORCHESTRATORS[name] as Orchestrator;
  const activities = world.activities as Readonly<Record<string, (input: never) => unknown>>;
  const options = { id, name, input, orchestrator, activities, clock, events };
  const run = createVirtualRun({ ...options, ...(stopsAfter === undefined ? {} : { stopsAfter }) });
  world.running.wake = () => run.raise('wake');
  const recorded = await run.run();
  world.engine.instances.delete(id);
  return recorded;
}

/** Gives back what the delivery holds. */
async function endBy(world: World, deliveryId: string): Promise<void> {
  await world.compensate(deliveryId);
  await world.run(deliveryId, []);
}
