/**
 * Writes the effects of an episode: one transaction, then the wake-ups that follow from it.
 *
 * F1 Nothing is started before the transaction is on disk.
 * F2 An episode whose instance was replaced or removed meanwhile leaves nothing behind.
 */
import { randomUUID } from 'node:crypto';
import type { ReplayResult, Scheduled } from './action-types.ts';
import { type EngineContext, LeftToAnother } from './engine-context.ts';
import { EventType, executionStarted, type HistoryEvent, inbound, kept, type Parent } from './history.ts';
import type { ActivityRow, InstanceRow, MessageRow, Status } from './rows.ts';
import { parentOf } from './store.ts';
import { isFinal } from './tables.ts';

/** `output` is JSON text; `message` is a failure's text for the parent. */
export interface Ending {
  readonly status: 'Completed' | 'Failed' | 'Terminated';
  readonly output: string | null;
  readonly message?: string;
}

export interface Episode {
  readonly instance: InstanceRow;
  /** Messages that were processed. */
  readonly rows: readonly MessageRow[];
  readonly number: number;
  /** Number of actions that the orchestrator has requested. */
  readonly actions: number;
  readonly events: readonly HistoryEvent[];
  readonly at: number;
}

interface Outcome {
  readonly result: ReplayResult;
  readonly customStatus: string | null;
  readonly status: Status;
  /** Of a suspension. */
  readonly reason: string | null;
  readonly ending?: Ending;
}

interface Motion {
  readonly wake: Set<string>;
  readonly activities: ActivityRow[];
  readonly due: number[];
}

/** The ordinary end of an episode: its scheduled work, and the orchestration's end if nothing is open. */
export async function applyEffects(core: EngineContext, episode: Episode, outcome: Outcome): Promise<void> {
  const { instance, at } = episode;
  const { result, ending } = outcome;
  const isOver = result.isSettled && (ending !== undefined || result.next !== undefined);
  await inOneWrite(core, episode, (motion) => {
    for (const each of result.scheduled) set(core, instance, each, at, motion);
    for (const timer of result.cancelled) core.store.removeTimer(instance.id, instance.execution, timer);
    const changed = {
      ...instance,
      status: outcome.status,
      custom_status: outcome.customStatus,
      updated: at,
      output: outcome.reason === null ? null : JSON.stringify(outcome.reason),
    };
    if (isOver && result.next && ending?.status !== 'Failed') {
      continueAsNew(core, changed, result.next, at, motion);
      return;
    }
    const events = [...episode.events, ...result.scheduled.map(({ event }) => event)];
    if (isOver && ending) end(core, changed, { ...episode, events }, ending, motion);
    else {
      core.store.appendHistory(instance.id, episode.number, {
        at,
        actions: episode.actions,
        events: [...kept(events), inbound(EventType.OrchestratorCompleted, at)],
      });
      core.store.putInstance(changed);
    }
  });
}

/** An end that does not wait for open work. */
export async function finish(core: EngineContext, episode: Episode, ending: Ending): Promise<void> {
  await inOneWrite(core, episode, (motion) =>
    end(core, { ...episode.instance, updated: episode.at }, episode, ending, motion),
  );
}

async function inOneWrite(
  core: EngineContext,
  episode: Episode,
  work: (motion: Motion) => void,
): Promise<void> {
  const motion = await core.store.write(() => {
    const motion: Motion = { wake: new Set(), activities: [], due: [] };
    core.store.removeMessages(episode.rows);
    const now = core.store.instance(episode.instance.id);
    if (now?.execution !== episode.instance.execution || isFinal(now.status)) return motion;
    if (now.worker !== core.workers.me) throw new LeftToAnother(episode.instance.id);
    work(motion);
    return motion;
  });
  core.taken(episode.rows);
  for (const row of motion.activities) core.begin(row);
  for (const id of motion.wake) core.wake(id);
  for (const due of motion.due) core.wakeAt(due);
}

function set(
  core: EngineContext,
  instance: InstanceRow,
  scheduled: Scheduled,
  at: number,
  motion: Motion,
): void {
  const { event, input } = scheduled;
  const { id, execution } = instance;
  switch (event.EventType) {
    case EventType.TaskScheduled: {
      const worker = core.place(motion.activities.length);
      const row = { id, execution, task: event.EventId, name: event.Name ?? '', input, worker };
      motion.activities.push({ ...row, n: core.store.addActivity(row) });
      break;
    }
    case EventType.TimerCreated: {
      const due = Date.parse(String(event.FireAt));
      const fired = inbound(EventType.TimerFired, due, { TimerId: event.EventId, FireAt: event.FireAt });
      core.store.send(id, execution, fired, Math.max(due, 1), event.EventId);
      motion.due.push(due);
      break;
    }
    case EventType.EventSent: {
      const target = String(event.InstanceId);
      const request = JSON.parse(String(event.Input)) as { due?: string };
      const due = request.due ? Date.parse(request.due) : 0;
      core.store.send(target, null, { kind: event.Name, ...request }, due);
      if (due > 0) motion.due.push(due);
      else motion.wake.add(target);
      break;
    }
    default:
      startChild(core, instance, event, input, at, motion);
  }
}

function startChild(
  core: EngineContext,
  instance: InstanceRow,
  event: HistoryEvent,
  input: string | null,
  at: number,
  motion: Motion,
): void {
  const id = String(event.InstanceId);
  const existing = core.store.instance(id);
  if (existing && !isFinal(existing.status)) {
    const reason = `An Orchestration instance with the status ${existing.status} already exists.`;
    core.store.send(
      instance.id,
      instance.execution,
      inbound(EventType.SubOrchestrationInstanceFailed, at, {
        TaskScheduledId: event.EventId,
        Reason: reason,
        Details: `Message: ${reason}, StackTrace: `,
        FailureDetails: null,
      }),
    );
    motion.wake.add(instance.id);
    return;
  }
  const parent: Parent = {
    id: instance.id,
    execution: instance.execution,
    name: instance.name,
    taskId: event.EventId,
  };
  insertInstance(core, { id, name: event.Name ?? '', input, parent }, at);
  motion.wake.add(id);
}

/** Writes a new instance in place of any earlier one with the id. Call within a write, then wake it. */
export function insertInstance(
  core: EngineContext,
  of: {
    readonly id: string;
    readonly name: string;
    readonly input: string | null;
    readonly parent: Parent | null;
  },
  at: number,
): void {
  const execution = randomUUID().replaceAll('-', '');
  core.store.removeInstance(of.id);
  core.store.putInstance({
    id: of.id,
    execution,
    name: of.name,
    status: 'Pending',
    input: of.input,
    output: null,
    custom_status: null,
    created: at,
    updated: at,
    parent: of.parent === null ? null : JSON.stringify(of.parent),
    worker: core.workers.pick(of.id),
  });
  core.store.send(of.id, execution, executionStarted({ ...of, execution }, at, 0));
}

function continueAsNew(
  core: EngineContext,
  instance: InstanceRow,
  next: NonNullable<ReplayResult['next']>,
  at: number,
  motion: Motion,
): void {
  const { id } = instance;
  const execution = randomUUID().replaceAll('-', '');
  core.store.clearHistory(id);
  core.store.removeStale(id, instance.execution);
  core.store.putInstance({ ...instance, execution, input: next.input, output: null, status: 'Running' });
  const started = executionStarted(
    { id, execution, name: instance.name, input: next.input, parent: parentOf(instance) },
    at,
    null,
  );
  core.store.send(id, execution, started);
  for (const event of next.carried) core.store.send(id, null, { ...event, IsPlayed: false });
  motion.wake.add(id);
}

function end(
  core: EngineContext,
  instance: InstanceRow,
  episode: Episode,
  ending: Ending,
  motion: Motion,
): void {
  const { id, execution } = instance;
  const completed = inbound(EventType.ExecutionCompleted, episode.at, {
    OrchestrationStatus: ending.status,
    Result: ending.output,
    FailureDetails: null,
  });
  core.store.appendHistory(id, episode.number, {
    at: episode.at,
    actions: episode.actions,
    events: [...kept([...episode.events, completed]), inbound(EventType.OrchestratorCompleted, episode.at)],
  });
  core.store.putInstance({ ...instance, status: ending.status, output: ending.output });
  core.store.removeStale(id, execution);
  for (const { id: entity } of core.store.ownedBy(id)) {
    core.store.send(entity, null, { kind: 'release', parent: id });
    motion.wake.add(entity);
  }
  const parent = parentOf(instance);
  if (!parent) return;
  core.store.send(parent.id, parent.execution, childEnded(parent, ending, episode.at));
  motion.wake.add(parent.id);
}

function childEnded(parent: Parent, ending: Ending, at: number): HistoryEvent {
  if (ending.status === 'Completed') {
    return inbound(EventType.SubOrchestrationInstanceCompleted, at, {
      TaskScheduledId: parent.taskId,
      Result: ending.output,
    });
  }
  const reason = ending.output === null ? null : String(JSON.parse(ending.output));
  return inbound(EventType.SubOrchestrationInstanceFailed, at, {
    TaskScheduledId: parent.taskId,
    Reason: reason ?? '',
    Details: `Message: ${ending.message ?? reason ?? ''}, StackTrace: `,
    FailureDetails: null,
  });
}
