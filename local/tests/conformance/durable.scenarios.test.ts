import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fixtureApp, type Hub, openHub } from '../support/durable-hub.ts';

/**
 * Each scenario comes to the same end in three modes: as it runs, replayed from its start after every single event, and crashed after
 * every write that is on disk. A crash is the data folder copied as it is then, and opened by another engine.
 */
interface Scenario {
  readonly name: string;
  readonly says: string;
  readonly input?: unknown;
  readonly output: unknown;
  readonly status?: string;
  /** What happens to instance `x` before its first function is called. */
  readonly before?: (hub: Hub) => Promise<unknown>;
  /** What happens to it then, also after a crash. */
  readonly after?: (hub: Hub) => Promise<unknown>;
}

const raise =
  (...values: readonly unknown[]) =>
  async (hub: Hub) => {
    for (const value of values) await hub.raise('x', 'go', value);
  };

const SCENARIOS: readonly Scenario[] = [
  { name: 'six', says: 'six activities in a row', output: [0, 1, 2, 3, 4, 5] },
  { name: 'fan', says: 'a fan-out', input: { n: 5 }, output: 5 },
  {
    name: 'nested',
    says: 'all of two alls',
    output: [
      [1, 2],
      [3, 4],
    ],
  },
  { name: 'firstOf', says: 'any of three activities', output: expect.stringMatching(/^[abc]$/) },
  {
    name: 'failsInAll',
    says: 'a failure in an all',
    output: "Activity function 'failsUntilTold' failed:  x never is not healed",
  },
  { name: 'backsOff', says: 'retries that are exhausted', output: 'gave up' },
  {
    name: 'retry',
    says: 'retries that succeed',
    input: { failures: 2, attempts: 5 },
    output: expect.any(Number),
  },
  {
    name: 'retriesChild',
    says: 'retries of a sub-orchestration',
    output: "Orchestrator function 'throws' failed: boom",
  },
  { name: 'timer', says: 'a timer', input: { ms: 30 }, output: 'fired' },
  {
    name: 'race',
    says: 'an event before a timer',
    input: { ms: 60_000 },
    output: { won: true },
    before: raise({ won: true }),
  },
  { name: 'race', says: 'a timer before an event', input: { ms: 20 }, output: 'timer' },
  {
    name: 'raceUncancelled',
    says: 'a timer that lost and is not cancelled',
    input: { ms: 40 },
    output: 'activity',
  },
  { name: 'inTurn', says: 'events one after the other', output: ['a', 'b'], before: raise('a', 'b') },
  {
    name: 'together',
    says: 'two waits at once',
    output: expect.arrayContaining(['a', 'b']),
    before: raise('a', 'b'),
  },
  {
    name: 'parent',
    says: 'sub-orchestrations',
    output: { given: [0, 1, 2, 3, 4, 5], own: { id: expect.stringMatching(/:1$/), parent: 'x' } },
  },
  {
    name: 'parentOfFailure',
    says: 'a sub-orchestration that fails',
    output: "Orchestrator function 'throws' failed: boom",
  },
  { name: 'generations', says: 'continueAsNew', input: { n: 0, upTo: 3 }, output: 3 },
  {
    name: 'entityCalls',
    says: 'calls of an entity',
    input: { key: 'k' },
    output: { sum: 5, failure: '[object Object]', after: 5 },
  },
  { name: 'locked', says: 'an entity under a lock', input: { key: 'l' }, output: true },
  { name: 'moves', says: 'two entities under one lock', input: { from: 'a', to: 'b', amount: 3 }, output: 0 },
  {
    name: 'throws',
    says: 'an orchestrator that throws',
    output: "Orchestrator function 'throws' failed: boom",
    status: 'Failed',
  },
  {
    name: 'inTurn',
    says: 'a suspension and its end',
    output: ['a', 'b'],
    before: async (hub) => {
      await hub.call('POST', '/instances/x/suspend?reason=pause');
      await raise('a', 'b')(hub);
    },
    after: async (hub) => {
      const { runtimeStatus } = await hub.until(
        'x',
        (status) => status.runtimeStatus !== 'Running' && status.runtimeStatus !== 'Pending',
      );
      if (runtimeStatus === 'Suspended') await hub.call('POST', '/instances/x/resume');
    },
  },
  {
    name: 'inTurn',
    says: 'a termination',
    output: 'enough',
    status: 'Terminated',
    before: (hub) => hub.call('POST', '/instances/x/terminate?reason=enough'),
  },
  {
    name: 'tells',
    says: 'identity and guids',
    input: 7,
    output: expect.objectContaining({ instanceId: 'x', input: 7 }),
  },
];

const endOf = async (hub: Hub, { after }: Scenario) => {
  await after?.(hub);
  const { runtimeStatus, output } = await hub.until('x');
  return { runtimeStatus, output };
};
const wanted = ({ status = 'Completed', output }: Scenario) => ({ runtimeStatus: status, output });
const begin = async (hub: Hub, { name, input = {}, before }: Scenario) => {
  await hub.start(name, 'x', input);
  await before?.(hub);
};

describe('durable: scenarios', () => {
  test.each(SCENARIOS)('$says: $name comes to its end', async (scenario) => {
    await using hub = await openHub();
    await begin(hub, scenario);
    expect(await endOf(hub, scenario)).toEqual(wanted(scenario));
  });
});

describe('durable: scenarios, replayed from the start after every event', () => {
  test.each(SCENARIOS)('$says: $name comes to the same end', async (scenario) => {
    await using hub = await openHub(undefined, { episodeSize: 1 });
    await begin(hub, scenario);
    expect(await endOf(hub, scenario)).toEqual(wanted(scenario));
  });
});

describe('durable: scenarios, crashed after every write', () => {
  test.each(SCENARIOS)('$says: $name comes to the same end after each crash', async (scenario) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'durable-'));
    const copies: string[] = [];
    const gate = Promise.withResolvers<void>();
    let isOpen = false;
    const copy = () => {
      if (!isOpen) return;
      const at = mkdtempSync(join(tmpdir(), 'durable-crash-'));
      cpSync(dataDir, at, { recursive: true });
      copies.push(at);
    };
    const app = await fixtureApp();
    {
      const gated = {
        functions: app.functions,
        invoke: async (...call: Parameters<typeof app.invoke>) => {
          await gate.promise;
          copy();
          return app.invoke(...call);
        },
      };
      await using hub = await openHub(dataDir, { app: gated, onCommit: copy });
      await begin(hub, scenario);
      isOpen = true;
      copy();
      gate.resolve();
      expect(await endOf(hub, scenario)).toEqual(wanted(scenario));
      isOpen = false;
    }
    expect(copies.length).toBeGreaterThan(1);
    for (const at of copies) {
      await using hub = await openHub(at);
      expect(await endOf(hub, scenario)).toEqual(wanted(scenario));
      rmSync(at, { recursive: true });
    }
    rmSync(dataDir, { recursive: true });
  });
});
