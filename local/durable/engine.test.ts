import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { executions, fixtureApp, type Hub, openHub, type Status } from '../tests/support/durable-hub.ts';

const completed = async (hub: Hub, name: string, input: unknown = {}, id = name): Promise<unknown> => {
  expect((await hub.start(name, id, input)).status).toBe(202);
  const { runtimeStatus, output } = await hub.until(id);
  expect({ runtimeStatus, output }).toMatchObject({ runtimeStatus: 'Completed' });
  return output;
};
const isRunning = ({ runtimeStatus }: Status) => runtimeStatus === 'Running';
const types = ({ historyEvents }: Status) => historyEvents?.map(({ EventType }) => EventType);

describe('orchestrations', () => {
  test('six activities in a row come to their results in order', async () => {
    await using hub = await openHub();
    expect(await completed(hub, 'six')).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('each execution is logged as the real host does it: information when it succeeds, error when it fails', async () => {
    await using hub = await openHub();
    executions.length = 0;
    await completed(hub, 'six');
    await hub.start('throws', 'fails');
    await hub.until('fails');
    expect(new Set(executions)).toEqual(
      new Set(['information Function.six', 'information Function.echo', 'error Function.throws']),
    );
  });

  test('a fan-out of 200 comes to all of its results', async () => {
    await using hub = await openHub();
    expect(await completed(hub, 'fan', { n: 200 })).toBe(200);
  });

  test('retries go on until the activity succeeds', async () => {
    await using hub = await openHub();
    await hub.start('retry', 'r', { failures: 2, attempts: 5 });
    const status = await hub.until('r');
    expect(status.output).toBe(3);
    expect(types(status)).toEqual([
      'ExecutionStarted',
      'TaskFailed',
      'TimerCreated',
      'TimerFired',
      'TaskFailed',
      'TimerCreated',
      'TimerFired',
      'TaskCompleted',
      'ExecutionCompleted',
    ]);
  });

  test('after the last attempt one more timer of no length is waited for', async () => {
    await using hub = await openHub();
    await hub.start('retry', 'exhausted', { failures: 9, attempts: 2 });
    const status = await hub.until('exhausted');
    expect(status.output).toBe("caught Activity function 'flaky' failed:  failure 2");
    expect(types(status)?.filter((type) => type === 'TimerFired')).toHaveLength(2);
  });

  test('a retry whose time runs out fails at once and a warning says what a real host would do', async () => {
    await using hub = await openHub();
    await hub.start('retryTimeout', 'rt');
    expect((await hub.until('rt')).runtimeStatus).toBe('Failed');
    expect(hub.logs.join('\n')).toMatch(/warning: rt: .*real host it stays Running/);
  });

  test('a timer does not fire before its time', async () => {
    await using hub = await openHub();
    const before = Date.now();
    expect(await completed(hub, 'timer', { ms: 60 })).toBe('fired');
    expect(Date.now() - before).toBeGreaterThanOrEqual(60);
  });

  test('an event that wins lets the cancelled timer go', async () => {
    await using hub = await openHub();
    await hub.start('race', 'e', { ms: 60_000 });
    await hub.until('e', isRunning);
    await hub.raise('e', 'go', { won: true });
    expect((await hub.until('e')).output).toEqual({ won: true });
  });

  test('a timer that lost and was not cancelled delays the end', async () => {
    await using hub = await openHub();
    await hub.start('raceUncancelled', 'open', { ms: 80 });
    expect(types(await hub.until('open'))?.at(-2)).toBe('TimerFired');
  });

  test('two waits that are pending together take events last in, first out', async () => {
    await using hub = await openHub();
    await hub.start('together', 'lifo');
    await hub.until('lifo', isRunning);
    await hub.raise('lifo', 'go', 1);
    await hub.raise('lifo', 'go', 2);
    expect((await hub.until('lifo')).output).toEqual([2, 1]);
  });

  test('waits one after the other take events in order, also those raised before the start was worked at', async () => {
    await using hub = await openHub();
    await hub.start('inTurn', 'fifo');
    await hub.raise('fifo', 'go', 1);
    await hub.raise('fifo', 'go', 2);
    expect((await hub.until('fifo')).output).toEqual([1, 2]);
  });

  test('an event whose name has another case is not taken', async () => {
    await using hub = await openHub();
    await hub.start('inTurn', 'case');
    await hub.raise('case', 'GO', 0);
    await hub.raise('case', 'go', 1);
    await hub.raise('case', 'go', 2);
    expect((await hub.until('case')).output).toEqual([1, 2]);
  });

  test('sub-orchestrations have the given id, or one made of the execution and the sequence', async () => {
    await using hub = await openHub();
    const output = await completed(hub, 'parent');
    expect(output).toEqual({
      given: [0, 1, 2, 3, 4, 5],
      own: { id: expect.stringMatching(/^[0-9a-f]{32}:1$/), parent: 'parent' },
    });
  });

  test('the parent catches the failure of a sub-orchestration', async () => {
    await using hub = await openHub();
    expect(await completed(hub, 'parentOfFailure')).toBe("Orchestrator function 'throws' failed: boom");
  });

  test('continueAsNew keeps the id and only the last history', async () => {
    await using hub = await openHub();
    await hub.start('generations', 'g', { n: 0, upTo: 20 });
    const status = await hub.until('g');
    expect(status).toMatchObject({ output: 20, input: { n: 20, upTo: 20 } });
    expect(types(status)).toEqual(['ExecutionStarted', 'TaskCompleted', 'ExecutionCompleted']);
  });

  test.each([
    ['throws', "Orchestrator function 'throws' failed: boom"],
    [
      'throwsText',
      "Orchestrator function 'throwsText' failed: The orchestrator threw a value that is not an Error.",
    ],
    ['noSuchChild', /The function 'isNowhere' doesn't exist/],
    ['notRegistered', /The function 'notRegistered' doesn't exist.*'fan'/],
  ])('%s fails with its reason', async (name, reason) => {
    await using hub = await openHub();
    await hub.start(name, 'f');
    const { runtimeStatus, output } = await hub.until('f');
    expect(runtimeStatus).toBe('Failed');
    expect(output).toMatch(reason);
  });

  test('code that changed under a running instance fails it', async () => {
    const shift = globalThis as { durableFixtureShift?: string };
    shift.durableFixtureShift = 'echo';
    await using hub = await openHub();
    await hub.start('shifting', 'nd');
    await hub.until('nd', ({ historyEvents }) => historyEvents?.at(-1)?.['EventType'] === 'TaskCompleted');
    shift.durableFixtureShift = 'counted';
    await hub.raise('nd', 'go');
    const { runtimeStatus, output } = await hub.until('nd');
    expect(runtimeStatus).toBe('Failed');
    expect(output).toMatch(/Non-Deterministic workflow detected.*'echo'/);
  });

  test('a custom status of 8,701 characters passes, one more fails the instance', async () => {
    await using hub = await openHub();
    await hub.start('status', 'short', 'x'.repeat(8_701));
    await hub.start('status', 'long', 'x'.repeat(8_702));
    expect((await hub.until('short', isRunning)).customStatus).toHaveLength(8_701);
    expect((await hub.until('long')).runtimeStatus).toBe('Failed');
  });
});

describe('entities', () => {
  test('signals and calls happen in order, a failed operation changes nothing', async () => {
    await using hub = await openHub();
    expect(await completed(hub, 'entityCalls', { key: 'a' })).toEqual({
      sum: 5,
      failure: '[object Object]',
      after: 5,
    });
  });

  test('nobody comes between while an orchestration holds the lock', async () => {
    await using hub = await openHub();
    const ids = Array.from({ length: 8 }, (_, i) => `l${i}`);
    for (const id of ids) await hub.start('locked', id, { key: 'shared' });
    for (const id of ids) expect((await hub.until(id)).output).toBe(true);
    const { body } = await hub.call('GET', '/entities/counter/shared');
    expect(body).toBe('8');
  });

  test('a deleted entity is not found', async () => {
    await using hub = await openHub();
    await completed(hub, 'entityCalls', { key: 'd' });
    await hub.call('DELETE', '/entities/counter/d');
    await expect.poll(async () => (await hub.call('GET', '/entities/counter/d')).status).toBe(404);
  });
});

describe('what a trigger is handed', () => {
  test('has its history to be seen, with times as text, where the app looks at it', async () => {
    await using hub = await openHub();
    await hub.start('looks', 'looked');
    const { output } = await hub.until('looked');
    expect(output).toMatchObject({
      keys: expect.arrayContaining(['history', 'input', 'instanceId']),
      first: { EventType: 12, Timestamp: expect.any(String) },
    });
  });

  test('is the library’s alone for its own orchestrators, as long as there is no hook', async () => {
    const app = await fixtureApp();
    const isAlone = (name: string) => app.isForLibraryAlone?.(name);
    expect(['six', 'SIX', 'parent', 'looks', 'echo', 'nowhere'].map(isAlone)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    const { app: registry } = createRequire(import.meta.url)('@azure/functions') as {
      app: { hook: { preInvocation(hook: () => void): { dispose(): void } } };
    };
    const hook = registry.hook.preInvocation(() => undefined);
    expect(isAlone('six')).toBe(false);
    hook.dispose();
    expect(isAlone('six')).toBe(true);
  });
});
