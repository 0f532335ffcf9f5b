/**
 * Activities: at least once, in parallel up to a limit; a result and the end of the work item are one write.
 *
 * V1 A work item is removed only in the transaction that sends its result, and by the worker that has it.
 * V2 The write of a result does not wait for the disk: the episode that it leads to does, and covers it. A power cut between the two
 *    runs the activity again.
 */

import { callHttp, HTTP_ACTIVITY } from './call-http.ts';
import { type Core, find, LOG_CATEGORY, unknownFunction } from './core.ts';
import { EventType, type HistoryEvent, inbound } from './history.ts';
import type { ActivityRow } from './store.ts';
import { activityInput, activityMetadata, jsonOf, messageOf } from './values.ts';

/** Runs one work item to its recorded end. */
export async function runActivity(core: Core, row: ActivityRow): Promise<void> {
  const event = await outcome(core, row);
  const isOurs = await core.store.write(() => {
    if (!core.store.removeActivity(row.n, core.workers.me)) return false;
    if (core.store.state(row.id)?.execution !== row.execution) return false;
    core.store.send(row.id, row.execution, event);
    return true;
  }, true);
  if (isOurs) core.wake(row.id);
}

async function outcome(core: Core, row: ActivityRow): Promise<HistoryEvent> {
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

function completed(core: Core, row: ActivityRow, result: string | null): HistoryEvent {
  return inbound(EventType.TaskCompleted, core.now(), { TaskScheduledId: row.task, Result: result });
}

/** Two spaces before the message: so a real host writes it. */
function failed(core: Core, row: ActivityRow, message: string, error: unknown): HistoryEvent {
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
