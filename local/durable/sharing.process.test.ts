/** Several processes on one task hub: they share the work, join, leave, die and are paused; no effect is lost, none happens twice without a death. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EngineResponse } from '../functions-host/contract.ts';
import type { Status } from '../tests/support/durable-hub.ts';

const PROCESS = join(import.meta.dirname, '../tests/support/durable-process.ts');
const PATIENCE_MS = 60_000;
/** Longer than a beat, shorter than a test wants to wait. */
const LEASE_MS = '2000';

interface Worker {
  readonly child: ChildProcess;
  readonly pid: number;
  call(method: string, path: string, body?: unknown): Promise<EngineResponse>;
  close(): Promise<void>;
}

let dataDir: string;
let effects: string;
let workers: Worker[];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'durable-shared-'));
  effects = join(dataDir, 'effects');
  writeFileSync(effects, '');
  workers = [];
});

afterEach(async () => {
  await Promise.all(
    workers.map(async ({ child }) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }),
  );
  rmSync(dataDir, { recursive: true });
});

async function open(): Promise<Worker> {
  const child = fork(PROCESS, [dataDir], { env: { ...process.env, EFFECTS: effects, LEASE_MS } });
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new Error('the process ended before it was ready');
    }),
  ]);
  let last = 0;
  const waiting = new Map<number, (reply: EngineResponse) => void>();
  child.on('message', ({ n, reply }: { n: number; reply: EngineResponse }) => waiting.get(n)?.(reply));
  const worker: Worker = {
    child,
    pid: child.pid ?? 0,
    call(method, path, body) {
      const n = ++last;
      const { promise, resolve } = Promise.withResolvers<EngineResponse>();
      waiting.set(n, resolve);
      child.send({ n, method, path, body });
      return promise;
    },
    async close() {
      child.send({ n: 0, method: 'CLOSE', path: '' });
      await once(child, 'exit');
    },
  };
  workers.push(worker);
  return worker;
}

async function outputs(by: Worker, ids: readonly string[]): Promise<unknown[]> {
  const end = Date.now() + PATIENCE_MS;
  const results: unknown[] = [];
  for (const id of ids) {
    for (;;) {
      const status = JSON.parse((await by.call('GET', `/instances/${id}`)).body ?? 'null') as Status;
      if (status?.runtimeStatus === 'Completed') {
        results.push(status.output);
        break;
      }
      if (Date.now() > end) throw new Error(`${id} is still ${JSON.stringify(status)}`);
      await sleep(10);
    }
  }
  return results;
}

const begin = (by: Worker, name: string, ids: readonly string[], input: unknown) =>
  Promise.all(ids.map((id) => by.call('POST', `/orchestrators/${name}/${id}`, input)));
const ids = (count: number) => Array.from({ length: count }, (_, i) => `i${i}`);

/** The processes that ran each effect, in order. */
function ran(): Map<string, number[]> {
  const by = new Map<string, number[]>();
  for (const line of readFileSync(effects, 'utf8').split('\n').filter(Boolean)) {
    const [key = '', pid] = line.split(' ');
    by.set(key, [...(by.get(key) ?? []), Number(pid)]);
  }
  return by;
}
const counts = () => [...ran().values()].map((pids) => pids.length);
const shares = () => new Set([...ran().values()].flat());
const untilRan = async (count: number) => {
  await expect.poll(() => ran().size, { timeout: PATIENCE_MS, interval: 5 }).toBeGreaterThanOrEqual(count);
};

test('two processes share orchestrations that one of them was asked for; every effect happens once', async () => {
  const [a, b] = await Promise.all([open(), open()]);
  await begin(a, 'effects', ids(24), { steps: 4, ms: 5 });
  expect(await outputs(b, ids(24))).toEqual(ids(24).map(() => 4));
  expect(counts()).toEqual(Array.from({ length: 96 }, () => 1));
  expect(shares()).toEqual(new Set([a.pid, b.pid]));
});

test('the activities of one orchestration are run by all processes, as each has free places', async () => {
  const [a, b] = await Promise.all([open(), open()]);
  await begin(a, 'effectsAtOnce', ['wide'], { steps: 60, ms: 15 });
  expect(await outputs(a, ['wide'])).toEqual([60]);
  expect(counts()).toEqual(Array.from({ length: 60 }, () => 1));
  const runs = [...ran().values()].flat();
  for (const { pid } of [a, b]) expect(runs.filter((each) => each === pid).length).toBeGreaterThan(10);
});

test('what a killed process had is taken over; only its work in progress may happen twice', async () => {
  const [a, b] = await Promise.all([open(), open()]);
  await begin(a, 'effects', ids(20), { steps: 6, ms: 10 });
  await untilRan(30);
  b.child.kill('SIGKILL');
  await once(b.child, 'exit');
  expect(await outputs(a, ids(20))).toEqual(ids(20).map(() => 6));
  expect(ran().size).toBe(120);
  for (const pids of ran().values()) if (pids.length > 1) expect(pids).toEqual([b.pid, a.pid]);
  // Four may run at a time, and as many results may wait for the episode that records them.
  expect(counts().filter((count) => count > 1).length).toBeLessThanOrEqual(8);
});

test('a process that joins gets a share of what runs; one that leaves hands it over; nothing happens twice', async () => {
  const a = await open();
  await begin(a, 'effects', ids(20), { steps: 40, ms: 20 });
  const b = await open();
  await expect.poll(() => shares().has(b.pid)).toBe(true);
  await b.close();
  expect(await outputs(a, ids(20))).toEqual(ids(20).map(() => 40));
  expect(counts()).toEqual(Array.from({ length: 800 }, () => 1));
  expect(shares()).toEqual(new Set([a.pid, b.pid]));
});

test('an entity called from several processes counts every call once', async () => {
  const [a, b, c] = await Promise.all([open(), open(), open()]);
  await begin(a, 'adds', ids(12), { key: 'shared' });
  await outputs(b, ids(12));
  expect((await c.call('GET', '/entities/counter/shared')).body).toBe('60');
});

test('timers and events reach instances of another process', async () => {
  const [a, b] = await Promise.all([open(), open()]);
  await begin(a, 'inTurn', ids(8), {});
  await begin(a, 'timer', ['t1', 't2', 't3', 't4'], { ms: 100 });
  for (const id of ids(8)) {
    expect((await b.call('POST', `/instances/${id}/raiseEvent/go`, 1)).status).toBe(202);
    expect((await a.call('POST', `/instances/${id}/raiseEvent/go`, 2)).status).toBe(202);
  }
  for (const output of await outputs(a, ids(8)))
    expect([...(output as number[])].toSorted((a, b) => a - b)).toEqual([1, 2]);
  expect(await outputs(b, ['t1', 't2', 't3', 't4'])).toEqual(['fired', 'fired', 'fired', 'fired']);
});

/** Stopped during a transaction, it would keep the file's lock, and everybody else from writing: SQLite has no leases. */
async function pauseBetweenWrites({ child }: Worker): Promise<void> {
  const [file = ''] = readdirSync(dataDir).filter((name) => name.endsWith('.sqlite'));
  const probe = new DatabaseSync(join(dataDir, file));
  probe.exec('PRAGMA busy_timeout = 300');
  for (;;) {
    child.kill('SIGSTOP');
    try {
      probe.exec('BEGIN IMMEDIATE; ROLLBACK');
      probe.close();
      return;
    } catch {
      child.kill('SIGCONT');
      await sleep(5);
    }
  }
}

test('a process that is paused for longer than its lease loses its work to the others and joins them again', async () => {
  const [a, b] = await Promise.all([open(), open()]);
  await begin(a, 'effects', ids(12), { steps: 3, ms: 10 });
  await untilRan(6);
  await pauseBetweenWrites(b);
  expect(await outputs(a, ids(12))).toEqual(ids(12).map(() => 3));
  b.child.kill('SIGCONT');
  await begin(a, 'effects', ['later1', 'later2', 'later3', 'later4', 'later5', 'later6'], {
    steps: 3,
    ms: 10,
  });
  expect(await outputs(b, ['later1', 'later2', 'later3', 'later4', 'later5', 'later6'])).toEqual([
    3, 3, 3, 3, 3, 3,
  ]);
  expect(ran().size).toBe(54);
}, 30_000);
