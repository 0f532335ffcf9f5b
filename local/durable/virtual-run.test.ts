/** Runs in virtual time, by the library itself. */
import { createRequire } from 'node:module';
import type { OrchestrationContext, OrchestrationHandler, Task } from 'durable-functions';
import { describe, expect, test } from 'vitest';
import { EventType } from './history.ts';
import {
  createVirtualRun,
  type Orchestrator,
  type RecordedEpisode,
  type RecordedRun,
  replayRun,
} from './virtual-run.ts';

const { createOrchestrator } = createRequire(import.meta.url)(
  'durable-functions/lib/src/util/testingUtils.js',
) as { createOrchestrator(handler: OrchestrationHandler): Orchestrator };

const BEGIN = new Date('2026-11-23T12:00:00.000Z');
const HOUR = 3_600_000;

function* greet(context: OrchestrationContext): Generator<Task, unknown, Task> {
  const first = yield context.df.callActivity('hello', 'one');
  const both = yield context.df.Task.all([
    context.df.callActivity('hello', 'two'),
    context.df.callActivity('hello', 'three'),
  ]);
  const timer = context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + HOUR));
  const news = context.df.waitForExternalEvent('news');
  const winner = yield context.df.Task.any([timer, news]);
  if (winner === news) timer.cancel();
  return [first, both, winner === news];
}

async function run(
  handler: OrchestrationHandler,
  more: { newsAfter?: number; stopsAfter?: number } = {},
): Promise<{ recorded: RecordedRun; end: Date }> {
  const clock = { now: BEGIN };
  const { newsAfter, stopsAfter } = more;
  const news = () => virtual.raise('news', 'rain');
  const virtual = createVirtualRun({
    id: 'run-1',
    name: 'greet',
    input: { hello: true },
    orchestrator: createOrchestrator(handler),
    activities: { hello: (name: string) => `hello ${name}` },
    clock,
    events: newsAfter === undefined ? [] : [{ at: new Date(BEGIN.getTime() + newsAfter), run: news }],
    ...(stopsAfter === undefined ? {} : { stopsAfter }),
  });
  return { recorded: await virtual.run(), end: clock.now };
}

const NAMES = new Map<number, string>(Object.entries(EventType).map(([name, number]) => [number, name]));
const typesOf = ({ events }: RecordedEpisode) => events.map(({ EventType: type }) => NAMES.get(type));

describe('a run', () => {
  test('writes the events and numbers of the engine (U1)', async () => {
    const { recorded } = await run(greet as OrchestrationHandler, { newsAfter: 1_000 });
    expect(recorded.isDone).toBe(true);
    expect(recorded.episodes.map(typesOf)).toEqual([
      ['OrchestratorStarted', 'ExecutionStarted', 'TaskScheduled', 'OrchestratorCompleted'],
      ['OrchestratorStarted', 'TaskCompleted', 'TaskScheduled', 'TaskScheduled', 'OrchestratorCompleted'],
      ['OrchestratorStarted', 'TaskCompleted', 'TaskCompleted', 'TimerCreated', 'OrchestratorCompleted'],
      ['OrchestratorStarted', 'EventRaised', 'OrchestratorCompleted'],
    ]);
    const all = recorded.episodes.flatMap(({ events }) => events);
    const numbers = all.map(({ EventId: number }) => number).filter((number) => number >= 0);
    expect(numbers).toEqual([0, 1, 2, 3]);
  });

  test('takes the time of its timers, and a cancelled one takes none', async () => {
    expect((await run(greet as OrchestrationHandler)).end.getTime() - BEGIN.getTime()).toBe(HOUR);
    const { end } = await run(greet as OrchestrationHandler, { newsAfter: 1_000 });
    expect(end.getTime() - BEGIN.getTime()).toBe(1_000);
  });

  test('that waits for what never comes says so', async () => {
    const waits = function* (context: OrchestrationContext) {
      yield context.df.waitForExternalEvent('news');
    };
    await expect(run(waits as OrchestrationHandler)).rejects.toThrow('run-1 waits for ever');
  });

  test('fails with its orchestrator', async () => {
    const fails = function* (context: OrchestrationContext) {
      yield context.df.callActivity('hello', 'one');
      throw new Error('no');
    };
    await expect(run(fails as OrchestrationHandler)).rejects.toThrow('run-1 failed: no');
  });
});

describe('a replay (U2)', () => {
  const now = (handler: unknown) => createOrchestrator(handler as OrchestrationHandler);

  test.each([{}, { newsAfter: 1_000 }, { stopsAfter: 2 }])(
    'of the same orchestrator finds nothing: %j',
    async (more) => {
      const { recorded } = await run(greet as OrchestrationHandler, more);
      expect(await replayRun(now(greet), recorded)).toEqual([]);
    },
  );

  test.each([
    [
      'another activity',
      function* (context: OrchestrationContext) {
        yield context.df.callActivity('goodbye', 'one');
      },
    ],
    [
      'one less',
      function* (context: OrchestrationContext) {
        yield context.df.callActivity('hello', 'one');
      },
    ],
    [
      'another order',
      function* (context: OrchestrationContext) {
        yield context.df.createTimer(new Date(BEGIN.getTime() + 1));
        yield context.df.callActivity('hello', 'one');
      },
    ],
    [
      'one more in between',
      function* (context: OrchestrationContext) {
        yield context.df.callActivity('hello', 'one');
        yield context.df.callActivity('hello', 'new');
        return yield* greet(context);
      },
    ],
  ])('of an orchestrator that asks for %s is refused', async (_, changed) => {
    const { recorded } = await run(greet as OrchestrationHandler, { newsAfter: 1_000 });
    expect(await replayRun(now(changed), recorded)).toHaveLength(1);
  });
});
