/**
 * Runs activities at least once, in parallel up to a limit.
 *
 * V1 A work item is removed only in the transaction that records its result, and by the worker that has it.
 * V2 If this process also runs the orchestration, the result is handed to its next episode in memory, and that episode's write records it.
 *    If the process dies before that, the activity runs again.
 */

import { callHttp, HTTP_ACTIVITY } from './call-http.ts';
import { type EngineContext, find, LOG_CATEGORY, type Result, unknownFunction } from './engine-context.ts';
import { EventType, type HistoryEvent, inbound } from './history.ts';
import type { ActivityRow } from './rows.ts';
import { activityInput, activityMetadata, jsonOf, messageOf } from './values.ts';

/** Runs a work item to its end. True: its result was handed over, and the item is finished once an episode has taken it. */
export async function runActivity(core: EngineContext, row: ActivityRow): Promise<boolean> {
  const event = await outcome(core, row);
  const state = core.store.instance(row.id);
  const isHere = state?.worker === core.workers.me && state.execution === row.execution;
  if (isHere && (state.status === 'Running' || state.status === 'Pending')) {
    core.hand({ row, event });
    return true;
  }
  await recordResult(core, { row, event });
  return false;
}

/** The result as a message, for the worker of the orchestration. */
export async function recordResult(core: EngineContext, { row, event }: Result): Promise<void> {
  const isOurs = await core.store.write(() => {
    if (!core.store.removeActivity(row.n, core.workers.me)) return false;
    if (core.store.instance(row.id)?.execution !== row.execution) return false;
    core.store.send(row.id, row.execution, event);
    return true;
  });
  if (isOurs) core.wake(row.id);
}

async function outcome(core: EngineContext, row: ActivityRow): Promise<HistoryEvent> {
  if (row.name === HTTP_ACTIVITY) {
    try {
      return completed(core, row, JSON.stringify(await callHttp(JSON.parse(row.input ?? '{}'))));
    } catch (error) {
      return failed(core, row, messageOf(error), error);
    }
  }
  const definition = find(core, 'activity', row.name);
  if (!definition) {
    core.options.log(
      'warning',
      LOG_CATEGORY,
      `${row.id}: there is no activity '${row.name}'; it fails here, on a real host the instance stays Running for ever`,
    );
    return failed(core, row, unknownFunction(core, 'activity', row.name), undefined);
  }
  const { trigger, name } = definition;
  const result = await core.options.app.invoke(name, {
    inputs: [{ name: trigger.name, data: activityInput(row.input) }],
    triggerMetadata: activityMetadata(row.input, row.id, trigger.name),
  });
  if (!result.ok) return failed(core, row, messageOf(result.error), result.error);
  return completed(core, row, jsonOf(result.returnValue));
}

function completed(core: EngineContext, row: ActivityRow, result: string | null): HistoryEvent {
  return inbound(EventType.TaskCompleted, core.now(), { TaskScheduledId: row.task, Result: result });
}

/** Two spaces before the message, as a real host writes it. */
function failed(core: EngineContext, row: ActivityRow, message: string, error: unknown): HistoryEvent {
  const details = {
    $type: 'Microsoft.Azure.WebJobs.Host.FunctionInvocationException',
    Message: message,
    StackTraceString: error instanceof Error ? (error.stack ?? null) : null,
  };
  return inbound(EventType.TaskFailed, core.now(), {
    TaskScheduledId: row.task,
    Reason: `Activity function '${row.name}' failed:  ${message}`,
    Details: JSON.stringify(details),
    FailureDetails: null,
  });
}
