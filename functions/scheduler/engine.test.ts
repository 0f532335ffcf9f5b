import type { DurableClient } from 'durable-functions';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  COMPENSATOR,
  compensate,
  compensationInstanceOf,
  ORCHESTRATOR,
  purgeEnded,
  startWorkflow,
  wakeWorkflow,
} from './engine.ts';
import type { EndingWorkflow, WorkflowDocument } from './schemas.ts';
import type { Limits } from './workflow-context.ts';

type Filter = Parameters<DurableClient['purgeInstanceHistoryBy']>[0];

let live: Map<string, string>;
let calls: string[];
let filters: Filter[];
let startFails: string | undefined;

beforeEach(() => {
  [live, calls, filters, startFails] = [new Map(), [], [], undefined];
});

const client = {
  startNew: (name: string, { instanceId }: { instanceId: string }) => {
    calls.push(`start ${name} ${instanceId}`);
    if (startFails) return Promise.reject(new Error(startFails));
    live.set(instanceId, 'Running');
    return Promise.resolve(instanceId);
  },
  getStatus: (id: string) => {
    const runtimeStatus = live.get(id);
    return runtimeStatus
      ? Promise.resolve({ runtimeStatus })
      : Promise.reject(new Error('replied with HTTP 404'));
  },
  raiseEvent: (id: string, name: string) => {
    if (!live.has(id)) return Promise.reject(new Error(`No instance with ID '${id}' found.`));
    calls.push(`${name} ${id}`);
    return Promise.resolve();
  },
  terminate: (id: string) => {
    calls.push(`terminate ${id}`);
    live.set(id, 'Terminated');
    return Promise.resolve();
  },
  purgeInstanceHistoryBy: (filter: Filter) => {
    filters.push(filter);
    return Promise.resolve({ instancesDeleted: 3 });
  },
} as unknown as DurableClient;

const limits = {} as Limits;
const outcome = { kind: 'failed' as const, reasons: ['stopped'], at: '2026-11-23T12:00:00.000Z' };
const document = (more: Partial<WorkflowDocument> = {}): WorkflowDocument =>
  ({ deliveryId: 'd1', generation: 1, effects: {}, ...more }) as WorkflowDocument;
const ending = { ...document(), pendingOutcome: outcome } as EndingWorkflow;

describe('a workflow', () => {
  test('is started once, as what its document says', async () => {
    expect(await startWorkflow(client, document(), limits)).toBe(true);
    expect(await startWorkflow(client, document(), limits)).toBe(false);
    live.clear();
    expect(await startWorkflow(client, ending, limits)).toBe(true);
    expect(await startWorkflow(client, document(), limits)).toBe(false);
    live.clear();
    expect(await startWorkflow(client, document({ outcome }), limits)).toBe(false);
    expect(calls).toEqual([`start ${ORCHESTRATOR} d1`, `start ${COMPENSATOR} d1~compensate`]);
  });

  test.each(['Running', 'Pending', 'Suspended', 'ContinuedAsNew'])(
    'that is %s is not started',
    async (status) => {
      live.set('d1', status);
      expect(await startWorkflow(client, document(), limits)).toBe(false);
    },
  );

  test('that another call starts at the same moment counts as started; other errors do not', async () => {
    startFails = 'HTTP 409: already exists';
    expect(await startWorkflow(client, document(), limits)).toBe(true);
    startFails = 'HTTP 503';
    await expect(startWorkflow(client, document(), limits)).rejects.toThrow('503');
  });

  test('that is compensated is terminated first, and compensated by one orchestration only', async () => {
    live.set('d1', 'Running');
    await compensate(client, ending, limits);
    await compensate(client, ending, limits);
    expect(calls).toEqual(['terminate d1', `start ${COMPENSATOR} ${compensationInstanceOf('d1')}`]);
  });

  test('that is gone needs no wake', async () => {
    live.set('d1', 'Running');
    await wakeWorkflow(client, 'gone', 'd1');
    expect(calls).toEqual(['wake d1']);
  });
});

test('only ended orchestrations that began before the retention are purged', async () => {
  expect(await purgeEnded(client, 7, new Date('2026-11-28T12:00:00.000Z'))).toBe(3);
  const [filter] = filters;
  expect(filter?.createdTimeTo).toEqual(new Date('2026-11-21T12:00:00.000Z'));
  expect(filter?.createdTimeFrom?.getTime()).toBe(0);
  expect(filter?.runtimeStatus).toEqual(['Completed', 'Failed', 'Terminated', 'Canceled']);
});
