/** A crash is the store going away without warning: the file is copied as it is on disk and opened by another engine. */
import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FunctionApp } from '../functions-host/contract.ts';
import { fixtureApp, openHub } from './harness.ts';

const SCENARIOS: readonly { name: string; input: unknown; output: unknown; events?: readonly unknown[] }[] = [
  { name: 'six', input: {}, output: [0, 1, 2, 3, 4, 5] },
  { name: 'fan', input: { n: 5 }, output: 5 },
  { name: 'timer', input: { ms: 30 }, output: 'fired' },
  { name: 'generations', input: { n: 0, upTo: 3 }, output: 3 },
  { name: 'inTurn', input: {}, output: ['a', 'b'], events: ['a', 'b'] },
  { name: 'parentOfFailure', input: {}, output: "Orchestrator function 'throws' failed: boom" },
  { name: 'entityCalls', input: { key: 'k' }, output: { sum: 5, failure: '[object Object]', after: 5 } },
];

/** Copies the data folder before each call of a function: each copy is what a crash at that moment leaves. No call is made before `begin`. */
function copying(app: FunctionApp, dataDir: string, copies: string[], begin: Promise<void>): FunctionApp {
  return {
    functions: app.functions,
    async invoke(name, invocation) {
      await begin;
      const copy = mkdtempSync(join(tmpdir(), 'durable-crash-'));
      cpSync(dataDir, copy, { recursive: true });
      copies.push(copy);
      return app.invoke(name, invocation);
    },
  };
}

test.each(SCENARIOS)(
  '$name ends alike after a crash at any step',
  async ({ name, input, output, events }) => {
    const copies: string[] = [];
    const dataDir = mkdtempSync(join(tmpdir(), 'durable-'));
    const begin = Promise.withResolvers<void>();
    {
      const app = copying(await fixtureApp(), dataDir, copies, begin.promise);
      await using hub = await openHub(dataDir, { app });
      await hub.start(name, 'x', input);
      for (const event of events ?? []) await hub.raise('x', 'go', event);
      begin.resolve();
      expect(await hub.until('x')).toMatchObject({ runtimeStatus: 'Completed', output });
    }
    expect(copies.length).toBeGreaterThan(0);
    for (const copy of copies) {
      await using hub = await openHub(copy);
      expect(await hub.until('x')).toMatchObject({ runtimeStatus: 'Completed', output });
    }
  },
);

test('what was answered before a close is there after it', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'durable-'));
  {
    await using first = await openHub(dataDir);
    await first.start('inTurn', 'kept');
    await first.raise('kept', 'go', 1);
  }
  await using second = await openHub(dataDir);
  await second.raise('kept', 'go', 2);
  expect((await second.until('kept')).output).toEqual([1, 2]);
});
