/**
 * Rewinds a failed instance: rewrites its history as if the failed work had not been requested, and continues from there.
 *
 * R1 Failed activities run again; failed sub-orchestrations are rewound themselves if they still exist, others begin again.
 * R2 Successful work keeps its result. The execution stays the same.
 * Source: Azure/durabletask, src/DurableTask.AzureStorage/Tracking/AzureTableTrackingStore.cs (RewindHistoryAsync).
 */
import type { EngineResponse } from '../functions-host/contract.ts';
import type { EngineContext } from './engine-context.ts';
import { EventType, type HistoryEvent, inbound } from './history.ts';
import { reply } from './replies.ts';
import type { InstanceRow } from './rows.ts';

/** 404 and 412 with the real host's words, else 202. */
export async function rewind(
  core: EngineContext,
  id: string,
  reason: string | null,
): Promise<EngineResponse> {
  const row = core.store.instance(id);
  if (!row) return reply(404, `No orchestration with instance ID "$${id}" found.`);
  if (row.status !== 'Failed') {
    return reply(
      412,
      `This orchestration has status ${row.status}, but only orchestrations in the "Failed" state can be rewound.`,
    );
  }
  const woken = await core.store.write(() => {
    const woken: string[] = [];
    const now = core.store.instance(id);
    if (now?.status === 'Failed') rewrite(core, now, reason, woken);
    return woken;
  });
  for (const each of woken) core.wake(each);
  return reply(202);
}

/** Within a write. */
function rewrite(core: EngineContext, row: InstanceRow, reason: string | null, woken: string[]): void {
  const { store } = core;
  const chunks = store.history(row.id);
  const events = chunks.flatMap((chunk) => chunk.events);
  const dropped = new Set<number | undefined>();
  for (const { EventType: type, TaskScheduledId: task } of events) {
    if (type === EventType.TaskFailed) dropped.add(task);
    if (type !== EventType.SubOrchestrationInstanceFailed) continue;
    const created = events.find(({ EventId, EventType: of }) => of === CREATED && EventId === task);
    const child = store.instance(String(created?.InstanceId));
    if (child?.status === 'Failed') rewrite(core, child, reason, woken);
    else dropped.add(task);
  }
  const stays = (event: HistoryEvent): boolean => {
    if (GONE.has(event.EventType)) return false;
    const isScheduling = event.EventType === EventType.TaskScheduled || event.EventType === CREATED;
    return !(isScheduling && dropped.has(event.EventId));
  };
  store.clearHistory(row.id);
  for (const [episode, chunk] of chunks.entries())
    store.appendHistory(row.id, episode, { ...chunk, events: chunk.events.filter(stays) });
  const at = core.now();
  store.putInstance({
    ...row,
    status: 'Running',
    output: null,
    updated: at,
    worker: core.workers.pick(row.id),
  });
  store.send(row.id, row.execution, inbound(EventType.ExecutionRewound, at, { Reason: reason }));
  woken.push(row.id);
}

const CREATED = EventType.SubOrchestrationInstanceCreated;
const GONE: ReadonlySet<number> = new Set([
  EventType.TaskFailed,
  EventType.SubOrchestrationInstanceFailed,
  EventType.ExecutionCompleted,
]);
