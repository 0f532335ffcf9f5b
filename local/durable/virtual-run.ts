/**
 * Runs one orchestration in virtual time, without a host, by the library itself; and replays a recorded run.
 *
 * U1 A run's history is what the engine would have written: the same events with the same numbers, in the same episodes.
 * U2 A replay goes through every episode: an orchestrator that asks for anything else than was recorded is found.
 * For tests: activities, sub-orchestrations aside, are carried out one by one, in the order in which they were scheduled.
 */
import type { Action } from './action-types.ts';
import { EventType, executionStarted, type HistoryEvent, inbound, isScheduled, kept } from './history.ts';
import { replay } from './replay/replay.ts';
import { ORCHESTRATION_INPUT } from './trigger-input.ts';

/** What an orchestrator of `durable-functions` returns for its trigger (its `createOrchestrator`). */
export type Orchestrator = (trigger: object, context: object) => Promise<OrchestratorState>;

export interface OrchestratorState {
  readonly isDone: boolean;
  readonly actions: readonly (readonly Action[])[];
}

/** One episode: how many actions were asked for by its end, and its events. */
export interface RecordedEpisode {
  readonly actions: number;
  readonly events: readonly HistoryEvent[];
}

export interface RecordedRun {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  readonly episodes: readonly RecordedEpisode[];
  /** False: it was stopped before its end. */
  readonly isDone: boolean;
}

export interface VirtualRunOptions {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  readonly orchestrator: Orchestrator;
  readonly activities: Readonly<Record<string, (input: never) => unknown>>;
  /** The time of orchestrator, activities and events alike. It only moves on. */
  readonly clock: { now: Date };
  /** What happens outside, in the order of time. */
  readonly events?: readonly { readonly at: Date; run(): void | Promise<void> }[];
  /** Stops after this many activities. */
  readonly stopsAfter?: number;
}

export interface VirtualRun {
  /** Raises an external event, now. */
  raise(name: string, data?: unknown): void;
  /** @throws Error when the orchestrator fails, or waits for what never comes */
  run(): Promise<RecordedRun>;
}

const EXECUTION = '00000000000000000000000000000000';

export function createVirtualRun(options: VirtualRunOptions): VirtualRun {
  const { id, name, input, clock } = options;
  const now = () => clock.now.getTime();
  const identity = { id, execution: EXECUTION, name, input: JSON.stringify(input), parent: null };
  const inbox: HistoryEvent[] = [executionStarted(identity, now(), 0)];
  const timers = new Map<number, HistoryEvent>();
  const outside = [...(options.events ?? [])];
  const episodes: RecordedEpisode[] = [];
  let activities = 0;

  const isStopped = () => options.stopsAfter !== undefined && activities >= options.stopsAfter;
  const recorded = (isDone: boolean): RecordedRun => ({ id, name, input, episodes, isDone });

  /** Lets time pass until something is in the inbox. */
  const wait = async (): Promise<void> => {
    const [event] = outside;
    const timer = [...timers.values()].toSorted((a, b) => dueOf(a) - dueOf(b))[0];
    if (event && (!timer || event.at.getTime() <= dueOf(timer))) {
      outside.shift();
      clock.now = new Date(Math.max(now(), event.at.getTime()));
      await event.run();
      return;
    }
    if (!timer) throw new Error(`${id} waits for ever`);
    timers.delete(timer.EventId);
    clock.now = new Date(Math.max(now(), dueOf(timer)));
    inbox.push(inbound(EventType.TimerFired, now(), { TimerId: timer.EventId, FireAt: timer.FireAt }));
  };

  const carryOut = async (scheduled: HistoryEvent, text: string | null): Promise<void> => {
    if (scheduled.EventType === EventType.TimerCreated) {
      timers.set(scheduled.EventId, scheduled);
      return;
    }
    const activity = options.activities[scheduled.Name ?? ''];
    if (scheduled.EventType !== EventType.TaskScheduled || !activity)
      throw new Error(
        `${id} asks for ${scheduled.Name ?? scheduled.EventType}, which this run does not have`,
      );
    activities += 1;
    const result = await activity(JSON.parse(text ?? 'null') as never);
    const fields = { TaskScheduledId: scheduled.EventId, Result: JSON.stringify(result ?? null) };
    inbox.push(inbound(EventType.TaskCompleted, now(), fields));
  };

  const advance = async (): Promise<boolean> => {
    const events = [inbound(EventType.OrchestratorStarted, now()), ...inbox.splice(0)];
    const state = await invoke(options.orchestrator, recorded(false), events);
    const actions = state.actions.flat();
    const chunks = [...episodes, { actions: actions.length, events }];
    const { scheduled, cancelled } = replay({ id, execution: EXECUTION, chunks, actions });
    for (const timer of cancelled) timers.delete(timer);
    const all = [...events, ...scheduled.map(({ event }) => event)];
    const end = inbound(EventType.OrchestratorCompleted, now());
    episodes.push({ actions: actions.length, events: [...kept(all), end] });
    for (const { event, input: text } of scheduled) {
      await carryOut(event, text);
      if (isStopped()) break;
    }
    return state.isDone;
  };

  return {
    raise: (event, data = null) => {
      inbox.push(inbound(EventType.EventRaised, now(), { Name: event, Input: JSON.stringify(data) }));
    },
    run: async () => {
      for (;;) {
        while (inbox.length === 0) await wait();
        if (await advance()) return recorded(true);
        if (isStopped()) return recorded(false);
      }
    },
  };
}

/** What is different now: one line for each episode in which the orchestrator asks for something else. Empty: nothing (U2). */
export async function replayRun(orchestrator: Orchestrator, run: RecordedRun): Promise<string[]> {
  for (const [index, episode] of run.episodes.entries()) {
    const before = run.episodes.slice(0, index);
    const came = episode.events.filter((event) => !isScheduled(event) && event.EventType !== END);
    const asked = episode.events.filter(isScheduled).map(written);
    try {
      const state = await invoke(orchestrator, { ...run, episodes: before }, came);
      const actions = state.actions.flat();
      const chunks = [...before, { actions: actions.length, events: came }];
      const { scheduled } = replay({ id: run.id, execution: EXECUTION, chunks, actions });
      const now = scheduled.map(({ event }) => written(event));
      if (now.join() !== asked.join()) return [different(index, asked, now)];
      const isLast = index === run.episodes.length - 1;
      if (state.isDone !== (isLast && run.isDone)) return [`episode ${index}: isDone is ${state.isDone}`];
    } catch (error) {
      return [`episode ${index}: ${(error as Error).message}`];
    }
  }
  return [];
}

const END = EventType.OrchestratorCompleted;

async function invoke(
  orchestrator: Orchestrator,
  { id, input, episodes }: RecordedRun,
  events: readonly HistoryEvent[],
): Promise<OrchestratorState> {
  const past = episodes.flatMap((episode) => episode.events);
  // The library sets flags on the events that it is handed.
  const history = [...past, ...events].map((event) => ({ ...event, Timestamp: new Date(event.Timestamp) }));
  const isReplaying = past.length > 0;
  const trigger = {
    ...ORCHESTRATION_INPUT,
    history,
    input,
    instanceId: id,
    isReplaying,
    parentInstanceId: null,
  };
  const state = await orchestrator(trigger, {}).catch((error: Error) => {
    throw new Error(`${id} failed: ${reasonOf(error.message)}`, { cause: error });
  });
  return JSON.parse(JSON.stringify(state)) as OrchestratorState;
}

/** The library throws the whole state as text; its `error` is what the orchestrator threw. */
function reasonOf(message: string): string {
  const [, state] = message.split('$OutOfProcData$:');
  if (state === undefined) return message;
  return (JSON.parse(state) as { error?: string }).error ?? message;
}

const dueOf = (timer: HistoryEvent): number => Date.parse(String(timer.FireAt));

function written({ EventType: type, EventId: number, Name: name, FireAt: at }: HistoryEvent): string {
  return [number, type === EventType.TimerCreated ? `timer ${at}` : (name ?? type)].join(' ');
}

function different(episode: number, asked: readonly string[], now: readonly string[]): string {
  const text = (list: readonly string[]) => (list.length === 0 ? 'nothing' : list.join(', '));
  return `episode ${episode}: it asked for ${text(asked)}, and now for ${text(now)}`;
}
