/**
 * Replays what the orchestrator asked for against its history: gives each action its sequence numbers and finds what is new.
 *
 * A1 Sequence numbers are given in the order in which the library gives them; the two never talk, they only agree.
 * A2 An action begins no earlier than in the episode in which the orchestrator first asked for it.
 * A3 What the history says was scheduled must be asked for again, with the same kind and name; else ReplayError.
 * A4 Open work (activities, sub-orchestrations, timers that were not cancelled) keeps the orchestration from ending.
 * Source: Azure/azure-functions-durable-extension, OutOfProcOrchestrationShim.cs; durable-functions, TaskOrchestrationExecutor.
 */
import { randomUUID } from 'node:crypto';
import {
  type Action,
  type HttpAction,
  Kind,
  ReplayError,
  type ReplayInput,
  type ReplayResult,
  type Scheduled,
} from './action-types.ts';
import { HTTP_ACTIVITY, polling } from './call-http.ts';
import { EventType, type HistoryEvent, isScheduled } from './history.ts';
import { nextDelay, type RetryOptions, retryTimedOut } from './retries.ts';

/** The real extension's, also told to the library: timers longer than the first are made of pieces of the second. */
const LONGEST_TIMER_MS = 6 * 86_400_000;
const TIMER_PIECE_MS = 3 * 86_400_000;
/** .NET's first moment: there was no message before. */
const NEVER = '0001-01-01T00:00:00';
const LOCK_GRANTED = 'Lock Acquisition Completed';

interface Task {
  isDone: boolean;
  hasFailed: boolean;
  isRetrying: boolean;
  readonly parent: Task | undefined;
  readonly check?: () => void;
}

/** The last chunk is the current episode. @throws ReplayError */
export function replay(of: ReplayInput): ReplayResult {
  const past = new Map<number, HistoryEvent>();
  for (const { events } of of.chunks)
    for (const event of events) if (isScheduled(event)) past.set(event.EventId, event);
  const open = new Map<number, (failed: boolean, event: HistoryEvent) => void>();
  const answers = new Map<string, () => void>();
  const waiting = new Map<string, (() => void)[]>();
  const buffered = new Map<string, number>();
  const lastSent = new Map<string, { at: number; ticks: number; Timestamp: string }>();
  const scheduled: Scheduled[] = [];
  const cancelled: number[] = [];
  let held: readonly { readonly name: string; readonly key: string }[] = [];
  let lockId = '';
  let next: { input: string | null; carried: HistoryEvent[] } | undefined;
  let stuck: string | undefined;
  let sequence = 0;
  let now = 0;

  const task = (parent: Task | undefined, check?: () => void): Task => ({
    isDone: false,
    hasFailed: false,
    isRetrying: false,
    parent,
    ...(check ? { check } : {}),
  });
  const finish = (one: Task, failed = false): void => {
    if (one.isDone) return;
    one.isDone = true;
    one.hasFailed = failed;
    one.parent?.check?.();
  };

  const schedule = (
    type: number,
    fields: Readonly<Record<string, unknown>>,
    input: string | null = null,
    id = sequence++,
  ): HistoryEvent => {
    const before = past.get(id);
    const name = 'Name' in fields ? String(fields['Name']) : undefined;
    if (before) {
      if (before.EventType !== type || (name ?? '').toLowerCase() !== (before.Name ?? '').toLowerCase()) {
        throw new ReplayError(mismatch(before));
      }
      past.delete(id);
      return before;
    }
    const event: HistoryEvent = {
      EventType: type,
      ...fields,
      EventId: id,
      IsPlayed: false,
      Timestamp: new Date(now).toISOString(),
    };
    scheduled.push({ event, input });
    return event;
  };

  const activity = (
    name: string,
    input: string | null,
    done: (failed: boolean, event: HistoryEvent) => void,
    id?: number,
  ): void => {
    const fields = { Name: name, Version: '', Input: null, ParentTraceContext: null, Tags: null };
    const event =
      id === undefined
        ? schedule(EventType.TaskScheduled, fields, input)
        : schedule(EventType.TaskScheduled, fields, input, id);
    open.set(event.EventId, done);
  };

  const child = (action: Action, done: (failed: boolean, event: HistoryEvent) => void): void => {
    const instance = action.instanceId || `${of.execution}:${sequence}`;
    const event = schedule(
      EventType.SubOrchestrationInstanceCreated,
      {
        Name: action.functionName ?? '',
        Version: null,
        InstanceId: instance,
        Input: null,
        ClientSpanId: null,
        Tags: null,
      },
      text(action.input),
    );
    open.set(event.EventId, done);
  };

  const timer = (at: number, done: () => void, isCanceled = false): void => {
    const event = schedule(EventType.TimerCreated, { FireAt: new Date(at).toISOString() });
    if (isCanceled) cancelled.push(event.EventId);
    else open.set(event.EventId, done);
  };

  const longTimer = (at: number, one: Task, isCanceled: boolean): void => {
    const piece = at - now > LONGEST_TIMER_MS ? now + TIMER_PIECE_MS : at;
    timer(
      piece,
      () => {
        if (at > now) longTimer(at, one, isCanceled);
        else finish(one);
      },
      isCanceled,
    );
  };

  /**
   * When this and the message before it to the same entity were sent. Two in one moment differ by a tick (100 ns), which
   * .NET writes without a zone (Azure/durabletask, MessageSorter.cs).
   */
  const ordering = (target: string) => {
    const last = lastSent.get(target);
    const ticks = last?.at === now ? last.ticks + 1 : 0;
    const text = new Date(now).toISOString();
    const Timestamp = ticks === 0 ? text : `${text.slice(0, -1)}${String(ticks).padStart(4, '0')}`;
    lastSent.set(target, { at: now, ticks, Timestamp });
    return { Timestamp, Predecessor: last?.Timestamp ?? NEVER };
  };

  const send = (action: Action, isSignal: boolean): string => {
    const request = {
      op: action.operation ?? null,
      ...(isSignal ? { signal: true } : {}),
      ...(action.input === undefined || action.input === null ? {} : { input: JSON.stringify(action.input) }),
      id: randomUUID(),
      parent: of.id,
      parentExecution: of.execution,
      ...ordering(String(action.instanceId)),
      ...(action.fireAt ? { due: action.fireAt } : {}),
      requestTime: new Date(now).toISOString().replace(/Z$/, '+00:00'),
    };
    const event = schedule(EventType.EventSent, {
      InstanceId: action.instanceId,
      Name: 'op',
      Input: JSON.stringify(request),
    });
    return (JSON.parse(String(event.Input)) as { id: string }).id;
  };

  const attempt = (action: Action, one: Task, number: number, since: number): void => {
    const options = action.retryOptions as RetryOptions;
    const ended = (failed: boolean, event: HistoryEvent): void => {
      if (!failed) return finish(one);
      const isLast = number >= options.maxNumberOfAttempts;
      if (!isLast && retryTimedOut(options, now - since)) {
        stuck = String(event.Reason);
        return;
      }
      timer(now + (isLast ? 0 : nextDelay(options, number)), () => {
        if (isLast) finish(one, true);
        else attempt(action, one, number + 1, since);
      });
    };
    if (action.actionType === Kind.CallActivityWithRetry)
      activity(action.functionName ?? '', text(action.input), ended);
    else child(action, ended);
  };

  const http = (request: HttpAction, one: Task, id?: number): void => {
    activity(
      HTTP_ACTIVITY,
      JSON.stringify(request),
      (failed, event) => {
        if (failed) return finish(one, true);
        const again = request.asynchronousPatternEnabled === false ? undefined : polling(request, event);
        if (!again) return finish(one);
        const poll = sequence + 1;
        timer(now + again.afterMs, () => http(again.request, one, poll));
        sequence = poll + 1;
      },
      id,
    );
  };

  const compound = (action: Action, parent: Task | undefined): Task => {
    const children: Task[] = [];
    const isAny = action.actionType === Kind.WhenAny;
    const one = task(parent, () => {
      if (children.length < (action.compoundActions?.length ?? 0)) return;
      const hasEnded = isAny ? children.some(({ isDone }) => isDone) : allEnded(children);
      if (hasEnded) finish(one, !isAny && children.some(({ hasFailed }) => hasFailed));
    });
    for (const each of action.compoundActions ?? []) children.push(begin(each, one));
    one.check?.();
    return one;
  };

  const begin = (action: Action, parent?: Task): Task => {
    if (action.actionType === Kind.WhenAll || action.actionType === Kind.WhenAny)
      return compound(action, parent);
    const one = task(parent);
    const done = (failed: boolean): void => finish(one, failed);
    switch (action.actionType) {
      case Kind.CallActivity:
        activity(action.functionName ?? '', text(action.input), done);
        break;
      case Kind.CallSubOrchestrator:
        child(action, done);
        break;
      case Kind.CallActivityWithRetry:
      case Kind.CallSubOrchestratorWithRetry:
        one.isRetrying = true;
        attempt(action, one, 1, now);
        break;
      case Kind.ContinueAsNew:
        next = {
          input: typeof action.input === 'string' ? action.input : text(action.input),
          carried: [],
        };
        finish(one);
        break;
      case Kind.CreateTimer:
        longTimer(Date.parse(action.fireAt ?? ''), one, action.isCanceled === true);
        break;
      case Kind.WaitForExternalEvent:
        awaitEvent(action.externalEventName ?? '', one);
        break;
      case Kind.CallEntity:
        answers.set(send(action, false), () => finish(one));
        break;
      case Kind.SignalEntity:
      case Kind.ScheduledSignal:
        send(action, true);
        finish(one);
        break;
      case Kind.CallHttp:
        http(action.httpRequest as HttpAction, one);
        break;
      case Kind.LockEntities:
        lock(action, one);
        break;
      case Kind.ReleaseEntities:
        for (const { name, key } of held) {
          schedule(EventType.EventSent, {
            InstanceId: `@${name.toLowerCase()}@${key}`,
            Name: 'release',
            Input: JSON.stringify({ parent: of.id, id: lockId }),
          });
        }
        held = [];
        finish(one);
        break;
      default:
        throw new ReplayError(`the action ${action.actionType} is not supported by this host`);
    }
    return one;
  };

  /** Waiters of one name are a stack, early events a queue. */
  const awaitEvent = (name: string, one: Task): void => {
    const early = buffered.get(name) ?? 0;
    if (early > 0) {
      buffered.set(name, early - 1);
      return finish(one);
    }
    const stack = waiting.get(name) ?? [];
    stack.push(() => finish(one));
    waiting.set(name, stack);
  };

  const lock = (action: Action, one: Task): void => {
    held = action.lockSet ?? [];
    lockId = action.lockRequestId ?? '';
    const [first] = held;
    const target = `@${first?.name.toLowerCase()}@${first?.key}`;
    schedule(EventType.EventSent, {
      InstanceId: target,
      Name: 'op',
      Input: JSON.stringify({
        op: null,
        id: lockId,
        parent: of.id,
        parentExecution: of.execution,
        ...ordering(target),
        lockset: held,
      }),
    });
    answers.set(lockId, () => finish(one));
  };

  const raised = (event: HistoryEvent): void => {
    const name = event.Name ?? '';
    const answer = answers.get(name);
    if (answer) {
      answers.delete(name);
      return answer();
    }
    if (next) {
      next.carried.push(event);
      return;
    }
    const waiter = waiting.get(name)?.pop();
    if (waiter) waiter();
    else buffered.set(name, (buffered.get(name) ?? 0) + 1);
  };

  const apply = (event: HistoryEvent): void => {
    const id = event.TaskScheduledId ?? event.TimerId;
    if (event.EventType === EventType.OrchestratorStarted) now = Math.max(now, Date.parse(event.Timestamp));
    else if (event.EventType === EventType.EventRaised) raised(event);
    else if (id !== undefined) {
      const done = open.get(id);
      open.delete(id);
      const isFailure =
        event.EventType === EventType.TaskFailed ||
        event.EventType === EventType.SubOrchestrationInstanceFailed;
      done?.(isFailure, event);
    }
  };

  let current: Task | undefined;
  let begun = 0;
  for (const { actions: limit, events } of of.chunks) {
    let hasStarted = begun > 0 || events.every(({ EventType: type }) => type !== EventType.ExecutionStarted);
    for (const event of events) {
      apply(event);
      hasStarted ||= event.EventType === EventType.ExecutionStarted;
      if (!hasStarted) continue;
      while (begun < limit && begun < of.actions.length && (!current || current.isDone)) {
        current = begin(of.actions[begun++] as Action);
      }
    }
  }
  const [forgotten] = past.values();
  if (forgotten) throw new ReplayError(mismatch(forgotten));
  const isSettled = begun === of.actions.length && (current?.isDone ?? true) && open.size === 0;
  return {
    scheduled,
    cancelled,
    isSettled,
    ...(next ? { next } : {}),
    ...(stuck === undefined ? {} : { stuck }),
  };
}

/** All wait for all, unless one failed while another retries: there the library has already gone on. */
function allEnded(children: readonly Task[]): boolean {
  if (children.every(({ isDone }) => isDone)) return true;
  return (
    children.some(({ hasFailed }) => hasFailed) &&
    children.some(({ isDone, isRetrying }) => !isDone && isRetrying)
  );
}

function text(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}

function mismatch(event: HistoryEvent): string {
  const what = event.Name ? ` and name '${event.Name}'` : '';
  return `Non-Deterministic workflow detected: a previous execution scheduled an event of type ${event.EventType} with sequence ID ${event.EventId}${what}, but the current replay does not schedule it at this point. Was a change made to the orchestrator code after this instance had already started running?`;
}

/** What an entity answers when the last lock of a set is granted. */
export const LOCK_ANSWER: string = JSON.stringify({ result: LOCK_GRANTED });
