/**
 * Replays the actions of an orchestrator against its history: gives each its sequence numbers and finds those that are new.
 *
 * A1 Sequence numbers are assigned in the same order as in the library; the two do not communicate, they only agree.
 * A2 An action begins no earlier than in the episode in which the orchestrator first requested it.
 * A3 Every action that the history has as scheduled must be requested again, with the same kind and name; else ReplayError.
 * A4 Open work (activities, sub-orchestrations, timers that were not cancelled) keeps the orchestration from ending.
 * Source: Azure/azure-functions-durable-extension, OutOfProcOrchestrationShim.cs; durable-functions, TaskOrchestrationExecutor.
 */
import {
  type Action,
  type HttpAction,
  Kind,
  ReplayError,
  type ReplayInput,
  type ReplayResult,
} from '../action-types.ts';
import { EventType, type HistoryEvent } from '../history.ts';
import { createEntityMessages, type EntityMessages } from './entity-messages.ts';
import { createExternalEvents, type ExternalEvents } from './external-events.ts';
import { createLedger } from './ledger.ts';
import {
  callActivity,
  callChild,
  callHttp,
  callWithRetry,
  createTimer,
  type Scheduling,
  textOf,
} from './scheduling.ts';
import { createCompound, createTask, finish, type Task } from './tasks.ts';

interface Replay extends Scheduling {
  readonly events: ExternalEvents;
  readonly entities: EntityMessages;
  /** The next generation, once the orchestrator has requested it. */
  next?: { input: string | null; carried: HistoryEvent[] };
}

/** The last chunk is the current episode. @throws ReplayError */
export function replay(input: ReplayInput): ReplayResult {
  const ledger = createLedger(input.chunks);
  let stuck: string | undefined;
  const state: Replay = {
    ledger,
    execution: input.execution,
    stuck: (reason) => {
      stuck = reason;
    },
    events: createExternalEvents(),
    entities: createEntityMessages(ledger, input),
  };
  const isOver = play(state, input);
  ledger.check();
  return {
    scheduled: ledger.scheduled,
    cancelled: ledger.cancelled,
    isSettled: isOver && ledger.isEmpty(),
    ...(state.next ? { next: state.next } : {}),
    ...(stuck === undefined ? {} : { stuck }),
  };
}

/** Applies the events in order, and begins each action once the previous one is done. True: all are done. */
function play(state: Replay, { chunks, actions }: ReplayInput): boolean {
  let current: Task | undefined;
  let begun = 0;
  for (const { actions: limit, events } of chunks) {
    let hasStarted = begun > 0 || events.every(({ EventType: type }) => type !== EventType.ExecutionStarted);
    for (const event of events) {
      apply(state, event);
      hasStarted ||= event.EventType === EventType.ExecutionStarted;
      if (!hasStarted) continue;
      while (begun < limit && begun < actions.length && (!current || current.isDone)) {
        current = begin(state, actions[begun++] as Action);
      }
    }
  }
  return begun === actions.length && (current?.isDone ?? true);
}

function apply(state: Replay, event: HistoryEvent): void {
  const { ledger } = state;
  if (event.EventType === EventType.OrchestratorStarted)
    ledger.now = Math.max(ledger.now, Date.parse(event.Timestamp));
  else if (event.EventType === EventType.EventRaised) raised(state, event);
  else ledger.end(event);
}

/** An event for the next generation is carried over to it. */
function raised({ events, next }: Replay, event: HistoryEvent): void {
  const name = event.Name ?? '';
  if (events.answer(name)) return;
  if (next) next.carried.push(event);
  else events.raise(name);
}

function begin(state: Replay, action: Action, parent?: Task): Task {
  if (action.actionType === Kind.WhenAll || action.actionType === Kind.WhenAny)
    return beginCompound(state, action, parent);
  const task = createTask(parent);
  beginSimple(state, action, task);
  return task;
}

function beginCompound(state: Replay, action: Action, parent: Task | undefined): Task {
  const { compoundActions = [] } = action;
  const isAny = action.actionType === Kind.WhenAny;
  const { task, children } = createCompound(parent, { isAny, count: compoundActions.length });
  for (const each of compoundActions) children.push(begin(state, each, task));
  task.check?.();
  return task;
}

function beginSimple(state: Replay, action: Action, task: Task): void {
  const { events, entities } = state;
  const ended = (failed: boolean): void => finish(task, failed);
  const done = (): void => finish(task);
  switch (action.actionType) {
    case Kind.CallActivity:
      return callActivity(state, action.functionName ?? '', action.input, ended);
    case Kind.CallSubOrchestrator:
      return callChild(state, action, ended);
    case Kind.CallActivityWithRetry:
    case Kind.CallSubOrchestratorWithRetry:
      task.isRetrying = true;
      return callWithRetry(state, action, task);
    case Kind.ContinueAsNew:
      state.next = {
        input: typeof action.input === 'string' ? action.input : textOf(action.input),
        carried: [],
      };
      return done();
    case Kind.CreateTimer:
      return createTimer(state, Date.parse(action.fireAt ?? ''), task, action.isCanceled === true);
    case Kind.WaitForExternalEvent:
      return events.wait(action.externalEventName ?? '', done);
    case Kind.CallEntity:
      return events.waitForAnswer(entities.send(action, false), done);
    case Kind.SignalEntity:
    case Kind.ScheduledSignal:
      entities.send(action, true);
      return done();
    case Kind.CallHttp:
      return callHttp(state, action.httpRequest as HttpAction, task);
    case Kind.LockEntities:
      return events.waitForAnswer(entities.lock(action), done);
    case Kind.ReleaseEntities:
      entities.release();
      return done();
    default:
      throw new ReplayError(`the action ${action.actionType} is not supported by this host`);
  }
}
