/**
 * Golden histories: what orchestrations did when they were recorded, a later build must do again, since deliveries that are
 * under way at an upgrade are replayed by it. A change that asks for anything else needs a version of its own (docs/adr/0002);
 * then, and only then, `npm run histories` records them again.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RecordedRun, replayRun } from 'azure-local/durable/virtual-run';
import type { OrchestrationContext } from 'durable-functions';
import { describe, expect, test } from 'vitest';
import { deliverOrchestration } from '../../../functions/scheduler/delivery.orchestration.ts';
import { ORCHESTRATOR } from '../../../functions/scheduler/engine.ts';
import { fileOf, ORCHESTRATORS, orchestratorOf, SCENARIOS } from './scenarios.ts';

const FOLDER = join(import.meta.dirname, 'recorded');
const runsOf = (file: string) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as RecordedRun[];
const files = readdirSync(FOLDER);

test('every scenario has its history, and there are at least 24', () => {
  expect(files.toSorted()).toEqual(SCENARIOS.map(fileOf).toSorted());
  expect(files.length).toBeGreaterThanOrEqual(24);
});

describe.each(files)('the history of %s', (file) => {
  test('is what the orchestrations of this build do', async () => {
    const runs = runsOf(file);
    expect(runs.length).toBeGreaterThan(0);
    for (const run of runs) {
      expect(run.episodes.length).toBeGreaterThan(1);
      expect(await replayRun(ORCHESTRATORS[run.name] as never, run)).toEqual([]);
    }
  });
});

describe('an orchestration that was changed is refused', () => {
  const whole = files.flatMap(runsOf).filter(({ name, isDone }) => name === ORCHESTRATOR && isDone);

  test.each([
    [
      'by an activity at its begin',
      function* (context: OrchestrationContext) {
        yield context.df.callActivity('scheduler_insureParcel', null);
        yield* deliverOrchestration(context);
      },
    ],
    [
      'by an activity at its end',
      function* (context: OrchestrationContext) {
        yield* deliverOrchestration(context);
        yield context.df.callActivity('scheduler_insureParcel', null);
      },
    ],
    [
      'by a wait',
      function* (context: OrchestrationContext) {
        yield context.df.createTimer(context.df.currentUtcDateTime);
        yield* deliverOrchestration(context);
      },
    ],
  ])('%s', async (_, changed) => {
    expect(whole.length).toBeGreaterThan(10);
    for (const run of whole) expect(await replayRun(orchestratorOf(changed), run)).toHaveLength(1);
  });
});
