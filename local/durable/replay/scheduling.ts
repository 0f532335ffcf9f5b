/** Schedules activities, sub-orchestrations and timers, alone and with a retry policy or HTTP polling around them. */
import { type Action, type HttpAction, Kind } from '../action-types.ts';
import { HTTP_ACTIVITY, polling } from '../call-http.ts';
import { EventType } from '../history.ts';
import { nextDelay, type RetryOptions, retryTimedOut } from '../retries.ts';
import type { Ended, Ledger } from './ledger.ts';
import { finish, type Task } from './tasks.ts';

/** The real extension's limits, as the library gets them: a timer longer than the first consists of pieces of the second. */
const LONGEST_TIMER_MS = 6 * 86_400_000;
const TIMER_PIECE_MS = 3 * 86_400_000;

export interface Scheduling {
  readonly ledger: Ledger;
  /** Id of the orchestration: the default id of a child begins with it. */
  readonly execution: string;
  /** The library waits forever, because a retry ran out of time before its attempts. */
  stuck(reason: string): void;
}

export function callActivity({ ledger }: Scheduling, name: string, input: unknown, ended: Ended): void {
  scheduleActivity(ledger, name, textOf(input), ended);
}

function scheduleActivity(
  ledger: Ledger,
  name: string,
  input: string | null,
  ended: Ended,
  number?: number,
): void {
  const fields = { Name: name, Version: '', Input: null, ParentTraceContext: null, Tags: null };
  ledger.open(ledger.schedule(EventType.TaskScheduled, fields, input, number), ended);
}

export function callChild({ ledger, execution }: Scheduling, action: Action, ended: Ended): void {
  const fields = {
    Name: action.functionName ?? '',
    Version: null,
    InstanceId: action.instanceId || `${execution}:${ledger.next()}`,
    Input: null,
    ClientSpanId: null,
    Tags: null,
  };
  const event = ledger.schedule(EventType.SubOrchestrationInstanceCreated, fields, textOf(action.input));
  ledger.open(event, ended);
}

/** @param at ms since the epoch; a cancelled timer keeps its number, but nothing waits for it */
export function setTimer({ ledger }: Scheduling, at: number, fired: () => void, isCancelled = false): void {
  const event = ledger.schedule(EventType.TimerCreated, { FireAt: new Date(at).toISOString() });
  if (isCancelled) ledger.cancel(event);
  else ledger.open(event, fired);
}

/** A timer of any length. */
export function createTimer(by: Scheduling, at: number, task: Task, isCancelled: boolean): void {
  const { now } = by.ledger;
  const piece = at - now > LONGEST_TIMER_MS ? now + TIMER_PIECE_MS : at;
  const fired = () => {
    if (at > by.ledger.now) createTimer(by, at, task, isCancelled);
    else finish(task);
  };
  setTimer(by, piece, fired, isCancelled);
}

/** Tries an activity or a child again after each failure; after the last one it also waits for a timer of length zero. */
export function callWithRetry(
  by: Scheduling,
  action: Action,
  task: Task,
  attempt = 1,
  since = by.ledger.now,
): void {
  const options = action.retryOptions as RetryOptions;
  const ended: Ended = (failed, event) => {
    if (!failed) return finish(task);
    const isLast = attempt >= options.maxNumberOfAttempts;
    if (!isLast && retryTimedOut(options, by.ledger.now - since)) return by.stuck(String(event.Reason));
    setTimer(by, by.ledger.now + (isLast ? 0 : nextDelay(options, attempt)), () => {
      if (isLast) finish(task, true);
      else callWithRetry(by, action, task, attempt + 1, since);
    });
  };
  if (action.actionType === Kind.CallActivityWithRetry)
    callActivity(by, action.functionName ?? '', action.input, ended);
  else callChild(by, action, ended);
}

/** While the answer is 202 with a Location, the request is made again after a timer; its number follows the timer's. */
export function callHttp(by: Scheduling, request: HttpAction, task: Task, number?: number): void {
  const ended: Ended = (failed, event) => {
    if (failed) return finish(task, true);
    const again = request.asynchronousPatternEnabled === false ? undefined : polling(request, event);
    if (!again) return finish(task);
    const fired = () => callHttp(by, again.request, task, poll);
    setTimer(by, by.ledger.now + again.afterMs, fired);
    const poll = by.ledger.reserve();
  };
  scheduleActivity(by.ledger, HTTP_ACTIVITY, JSON.stringify(request), ended, number);
}

/** JSON text; null for a value that JSON cannot represent. */
export function textOf(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}
