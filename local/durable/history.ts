/**
 * Makes the events of an orchestration's history, for the library and for the management API.
 *
 * Names and numbers: Azure/durabletask, src/DurableTask.Core/History/EventType.cs.
 */

export const EventType = {
  ExecutionStarted: 0,
  ExecutionCompleted: 1,
  ExecutionTerminated: 3,
  TaskScheduled: 4,
  TaskCompleted: 5,
  TaskFailed: 6,
  SubOrchestrationInstanceCreated: 7,
  SubOrchestrationInstanceCompleted: 8,
  SubOrchestrationInstanceFailed: 9,
  TimerCreated: 10,
  TimerFired: 11,
  OrchestratorStarted: 12,
  OrchestratorCompleted: 13,
  EventSent: 14,
  EventRaised: 15,
  ExecutionSuspended: 19,
  ExecutionResumed: 20,
  ExecutionRewound: 21,
} as const;

/** One event. `EventId` is the sequence number of what was scheduled, -1 for what came from outside. Times are ISO 8601. */
export interface HistoryEvent {
  readonly EventType: number;
  readonly EventId: number;
  readonly IsPlayed: boolean;
  readonly Timestamp: string;
  readonly Name?: string | null;
  readonly Input?: string | null;
  readonly InstanceId?: string;
  readonly FireAt?: string;
  readonly TimerId?: number;
  readonly TaskScheduledId?: number;
  readonly Result?: string | null;
  readonly Reason?: string | null;
  readonly Details?: string;
  readonly OrchestrationStatus?: string;
  readonly [field: string]: unknown;
}

const SCHEDULED: ReadonlySet<number> = new Set([
  EventType.TaskScheduled,
  EventType.SubOrchestrationInstanceCreated,
  EventType.TimerCreated,
  EventType.EventSent,
]);

/** Whether the event says that the orchestration scheduled something (it then has a sequence number). */
export function isScheduled(event: HistoryEvent): boolean {
  return SCHEDULED.has(event.EventType);
}

/** An event that comes from outside, or a mark of an episode. */
export function inbound(
  eventType: number,
  at: number,
  fields: Readonly<Record<string, unknown>> = {},
): HistoryEvent {
  return {
    EventType: eventType,
    ...fields,
    EventId: -1,
    IsPlayed: false,
    Timestamp: isoOf(at),
  };
}

let lastTime = Number.NaN;
let lastText = '';

/** Many events come in one millisecond. */
function isoOf(at: number): string {
  if (at !== lastTime) [lastTime, lastText] = [at, new Date(at).toISOString()];
  return lastText;
}

/** The event as a later replay sees it: only events from outside are marked as played. */
function played(event: HistoryEvent): HistoryEvent {
  return event.EventType === EventType.OrchestratorStarted || isScheduled(event)
    ? event
    : { ...event, IsPlayed: true };
}

/** The stored events of an episode, before the mark of its end. */
export function kept(events: readonly HistoryEvent[]): HistoryEvent[] {
  return events.map(played);
}

export interface Identity {
  readonly id: string;
  readonly execution: string;
  readonly name: string;
  readonly input: string | null;
  readonly parent: Parent | null;
}

/** The parent that waits for a sub-orchestration. */
export interface Parent {
  readonly id: string;
  readonly execution: string;
  readonly name: string;
  readonly taskId: number;
}

/** `generation` 0 for a start, null after continueAsNew (as a real host hands it over). */
export function executionStarted(of: Identity, at: number, generation: 0 | null): HistoryEvent {
  const { parent } = of;
  return inbound(EventType.ExecutionStarted, at, {
    OrchestrationInstance: { InstanceId: of.id, ExecutionId: of.execution },
    ParentInstance: parent && {
      Name: parent.name,
      OrchestrationInstance: { InstanceId: parent.id, ExecutionId: parent.execution },
      TaskScheduleId: parent.taskId,
      Version: '',
    },
    Name: of.name,
    Version: null,
    Input: of.input,
    Tags: null,
    Correlation: null,
    ParentTraceContext: null,
    ScheduledStartTime: null,
    Generation: generation,
    GenerateNewTrace: false,
  });
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(EventType).map(([name, number]) => [number, name]),
);
const HIDDEN: ReadonlySet<number> = new Set([EventType.OrchestratorStarted, EventType.OrchestratorCompleted]);
const FOLDED: ReadonlySet<number> = new Set([
  EventType.TaskScheduled,
  EventType.SubOrchestrationInstanceCreated,
]);

/** `showHistoryOutput` and `showInput` of the query. */
export interface Shown {
  readonly output: boolean;
  readonly input: boolean;
}

/**
 * The history in the form of `showHistory=true`: types by name. The event that scheduled an activity or a sub-orchestration
 * is folded into its result, and is shown separately while there is none.
 * Source: Azure/azure-functions-durable-extension, ContextImplementations/DurableClient.cs.
 */
export function forApi(events: readonly HistoryEvent[], show: Shown): Record<string, unknown>[] {
  const scheduled = new Map<number, HistoryEvent>();
  const ended = new Set<number>();
  for (const event of events) {
    if (isScheduled(event)) scheduled.set(event.EventId, event);
    if (event.TaskScheduledId !== undefined) ended.add(event.TaskScheduledId);
  }
  return events
    .filter(({ EventType: type, EventId: id }) => !HIDDEN.has(type) && !(FOLDED.has(type) && ended.has(id)))
    .map((event) => shownEvent(event, scheduled, show));
}

function shownEvent(
  event: HistoryEvent,
  scheduled: ReadonlyMap<number, HistoryEvent>,
  show: Shown,
): Record<string, unknown> {
  const {
    EventId: _id,
    IsPlayed: _played,
    EventType: type,
    TaskScheduledId: taskId,
    TimerId: _timer,
    ...rest
  } = event;
  const shown: Record<string, unknown> = { EventType: NAMES.get(type) ?? String(type), ...rest };
  if (type === EventType.ExecutionStarted) {
    for (const key of ['OrchestrationInstance', 'ParentInstance', 'Name', 'Version', 'Tags'])
      delete shown[key];
    shown['FunctionName'] = event.Name;
  }
  if (FOLDED.has(type)) delete shown['Version'];
  if ('Result' in shown) {
    if (show.output) shown['Result'] = parsed(event.Result);
    else delete shown['Result'];
  }
  const origin = taskId === undefined ? undefined : scheduled.get(taskId);
  if (origin) {
    shown['ScheduledTime'] = origin.Timestamp.replace(/Z$/, '+00:00');
    shown['FunctionName'] = origin.Name;
    shown['Input'] = null;
  }
  if (!show.input) delete shown['Input'];
  return shown;
}

function parsed(text: string | null | undefined): unknown {
  return text === null || text === undefined ? null : (JSON.parse(text) as unknown);
}
