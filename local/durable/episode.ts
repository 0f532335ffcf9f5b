/**
 * Runs an episode of an orchestration: takes its messages, replays it, and writes all of its effects at once.
 *
 * E1 Messages leave the inbox in the transaction that records their effects.
 * E2 Messages of an earlier execution, and messages to an instance that has ended, are dropped.
 * E3 While suspended, only resume and terminate are processed; the rest waits in order.
 */
import { type Action, ReplayError, type ReplayInput, type ReplayResult } from './action-types.ts';
import { applyEffects, type Ending, type Episode, finish } from './effects.ts';
import {
  type EngineContext,
  find,
  LOG_CATEGORY,
  RESERVED_ID,
  type Result,
  unknownFunction,
} from './engine-context.ts';
import { EventType, type HistoryEvent, inbound } from './history.ts';
import { replay } from './replay/replay.ts';
import type { InstanceRow, MessageRow } from './rows.ts';
import { isFinal } from './tables.ts';
import { orchestrationInput } from './trigger-input.ts';
import { jsonOf, messageOf } from './values.ts';

const OWN_ID =
  'The instance ID of a sub-orchestration must be different than the instance ID of a parent orchestration.';
const OUT_OF_PROC = '\n\n$OutOfProcData$:';
/** Characters of JSON that a real host accepts, as observed; one more fails the orchestration. */
const CUSTOM_STATUS_LIMIT = 8_703;

interface Received {
  readonly row: MessageRow;
  readonly event: HistoryEvent;
}

interface State {
  readonly isDone?: boolean;
  readonly actions?: readonly (readonly Action[])[];
  readonly output?: unknown;
  readonly customStatus?: unknown;
  readonly error?: string;
}

/** Processes the waiting messages of the instance. False when there was nothing to do. */
export async function runEpisode(core: EngineContext, id: string): Promise<boolean> {
  const { store } = core;
  const rows = store.messages(id, core.now());
  const handed = core.handed(id);
  if (rows.length === 0 && handed.length === 0) return false;
  const instance = store.instance(id);
  if (instance && instance.worker !== core.workers.me && !isFinal(instance.status)) return false;
  if (!instance || isFinal(instance.status)) {
    const all = [...rows, ...handed.map(asMessage)];
    await store.write(() => store.removeMessages(all));
    core.taken(all);
    return true;
  }
  const received = [
    ...rows.map((row): Received => ({ row, event: JSON.parse(row.event) as HistoryEvent })),
    ...handed.map((result): Received => ({ row: asMessage(result), event: result.event })),
  ];
  const isCurrent = ({ row }: Received) => row.execution === null || row.execution === instance.execution;
  const current = received.filter(isCurrent);
  const terminated = current.find(({ event }) => event.EventType === EventType.ExecutionTerminated);
  if (terminated) {
    const all = received.map(({ row }) => row);
    await terminate(core, instance, terminated.event, all);
    return true;
  }
  const taken = take(instance, current).slice(0, core.options.episodeSize);
  const gone = [...taken, ...received.filter((each) => !isCurrent(each))].map(({ row }) => row);
  if (gone.length === 0) return false;
  if (taken.length === 0) {
    await store.write(() => store.removeMessages(gone));
    core.taken(gone);
  } else await advance(core, instance, taken, gone);
  return true;
}

function asMessage({ row }: Result): MessageRow {
  return { n: 0, id: row.id, execution: row.execution, event: '', activity: row.n };
}

/** E3; a suspension ends the batch, so that what follows it waits. The start comes first. */
function take(instance: InstanceRow, current: readonly Received[]): readonly Received[] {
  const isStart = ({ event }: Received) => event.EventType === EventType.ExecutionStarted;
  const ordered = current.some(isStart)
    ? [...current.filter(isStart), ...current.filter((each) => !isStart(each))]
    : current;
  if (instance.status === 'Suspended') {
    const isResume = ({ event }: Received) => event.EventType === EventType.ExecutionResumed;
    if (!ordered.some(isResume)) return [];
  }
  const suspend = ordered.findIndex(({ event }) => event.EventType === EventType.ExecutionSuspended);
  return suspend < 0 ? ordered : ordered.slice(0, suspend + 1);
}

async function terminate(
  core: EngineContext,
  instance: InstanceRow,
  event: HistoryEvent,
  rows: readonly MessageRow[],
): Promise<void> {
  const reason = typeof event.Input === 'string' && event.Input !== '' ? JSON.stringify(event.Input) : null;
  const at = core.now();
  const chunks = core.store.history(instance.id);
  const episode: Episode = {
    instance,
    rows,
    number: chunks.length,
    actions: chunks.at(-1)?.actions ?? 0,
    events: [inbound(EventType.OrchestratorStarted, at), event],
    at,
  };
  await finish(core, episode, { status: 'Terminated', output: reason });
}

async function advance(
  core: EngineContext,
  instance: InstanceRow,
  taken: readonly Received[],
  gone: readonly MessageRow[],
): Promise<void> {
  const chunks = core.store.history(instance.id);
  const past = chunks.flatMap((chunk) => chunk.events);
  const batch = fresh(
    taken.map(({ event }) => event),
    past,
  );
  const at = batch.reduce((at, { FireAt }) => (FireAt ? Math.max(at, Date.parse(FireAt)) : at), core.now());
  const isGeneration = batch[0]?.EventType === EventType.ExecutionStarted && batch[0]['Generation'] === null;
  const started = isGeneration
    ? [...batch.slice(0, 1), inbound(EventType.OrchestratorCompleted, at), ...batch.slice(1)]
    : batch;
  const events = [inbound(EventType.OrchestratorStarted, at), ...started];
  const hasEnded = events.at(-1)?.EventType === EventType.ExecutionSuspended;
  const base = { instance, rows: gone, number: chunks.length, at };
  const state = await invoke(core, instance, [...past, ...events]);
  const actions = state.actions?.flat() ?? [];
  const episode: Episode = { ...base, events, actions: actions.length };
  const ending = endingOf(core, instance, state);
  const customStatus = customStatusOf(instance, state);
  if (typeof customStatus === 'object' && customStatus !== null) {
    await finish(core, episode, failure(instance, customStatus.problem));
    return;
  }
  const result = replayed({
    id: instance.id,
    execution: instance.execution,
    chunks: [...chunks, { actions: actions.length, events }],
    actions,
  });
  if (typeof result === 'string') {
    await finish(core, episode, failure(instance, result));
    return;
  }
  const problem = hangOf(core, instance, result);
  if (problem !== undefined) {
    await finish(core, episode, failure(instance, problem));
    return;
  }
  await applyEffects(core, episode, {
    result,
    customStatus,
    status: hasEnded ? 'Suspended' : 'Running',
    reason: hasEnded ? (events.at(-1)?.Reason ?? '') : null,
    ...(ending ? { ending } : {}),
  });
}

/** The result, or the reason why the instance must fail. */
function replayed(input: ReplayInput): ReplayResult | string {
  try {
    return replay(input);
  } catch (error) {
    if (error instanceof ReplayError) return error.message;
    throw error;
  }
}

/** A wait that would never end on a real host; here it fails the instance. */
function hangOf(core: EngineContext, instance: InstanceRow, result: ReplayResult): string | undefined {
  const children = result.scheduled
    .map(({ event }) => event)
    .filter(({ EventType: type }) => type === EventType.SubOrchestrationInstanceCreated);
  for (const { Name: name, InstanceId: id = '' } of children) {
    if (!find(core, 'orchestration', name ?? '')) {
      warnOfHang(core, instance, `sub-orchestrator '${name}' does not exist`);
      return unknownFunction(core, 'orchestration', name ?? '');
    }
    if (id.startsWith('@') || id === instance.id) {
      warnOfHang(core, instance, `'${id}' cannot be the id of its sub-orchestration`);
      return id === instance.id ? OWN_ID : RESERVED_ID;
    }
  }
  if (result.stuck !== undefined) warnOfHang(core, instance, 'a retry ran out of time before its attempts');
  return result.stuck;
}

/** Leaves out results that are already known. */
function fresh(batch: readonly HistoryEvent[], past: readonly HistoryEvent[]): HistoryEvent[] {
  const told = new Set(batch.map(resultKey));
  const known = new Set<number>();
  for (const event of past) {
    const key = resultKey(event);
    if (key !== undefined && told.has(key)) known.add(key);
  }
  return batch.filter((event) => {
    const key = resultKey(event);
    if (key === undefined) return true;
    const isKnown = known.has(key);
    known.add(key);
    return !isKnown;
  });
}

/** Tasks have the even numbers, timers the odd. */
function resultKey({ TaskScheduledId: task, TimerId: timer }: HistoryEvent): number | undefined {
  if (task !== undefined) return task * 2;
  return timer === undefined ? undefined : timer * 2 + 1;
}

async function invoke(
  core: EngineContext,
  instance: InstanceRow,
  history: readonly HistoryEvent[],
): Promise<State> {
  const definition = find(core, 'orchestration', instance.name);
  if (!definition) return { error: unknownFunction(core, 'orchestration', instance.name) };
  const { app } = core.options;
  const isAlone = app.isForLibraryAlone?.(definition.name) ?? false;
  const result = await app.invoke(
    definition.name,
    orchestrationInput(instance, history, definition.trigger.name, isAlone),
  );
  if (result.ok) return JSON.parse(jsonOf(result.returnValue) ?? '{}') as State;
  const message = messageOf(result.error);
  const cut = message.indexOf(OUT_OF_PROC);
  if (cut < 0) return { error: message };
  const state = JSON.parse(message.slice(cut + OUT_OF_PROC.length)) as State;
  if (state.error !== undefined) return state;
  warnOfHang(core, instance, 'the orchestrator threw something that is no Error');
  return { ...state, error: 'The orchestrator threw a value that is not an Error.' };
}

function endingOf(core: EngineContext, instance: InstanceRow, state: State): Ending | undefined {
  if (state.error !== undefined) {
    core.options.log('error', LOG_CATEGORY, `${instance.id}: ${instance.name} failed: ${state.error}`);
    return failure(instance, state.error);
  }
  if (!state.isDone) return undefined;
  const output = state.output === undefined || state.output === null ? null : JSON.stringify(state.output);
  return { status: 'Completed', output };
}

function failure(instance: InstanceRow, message: string): Ending {
  const text = `Orchestrator function '${instance.name}' failed: ${message}`;
  return { status: 'Failed', output: JSON.stringify(text), message };
}

/** JSON text; the library does not send falsy values, which change nothing. */
function customStatusOf(instance: InstanceRow, { customStatus }: State): string | null | { problem: string } {
  if (customStatus === undefined || customStatus === null) return instance.custom_status;
  const text = JSON.stringify(customStatus);
  if (text.length <= CUSTOM_STATUS_LIMIT) return text;
  const size = Math.ceil((text.length * 2) / 1024);
  return {
    problem: `The UTF-16 size of the JSON-serialized payload must not exceed 16 KB. The current payload is ${size} KB.`,
  };
}

function warnOfHang(core: EngineContext, instance: InstanceRow, why: string): void {
  core.options.log(
    'warning',
    LOG_CATEGORY,
    `${instance.id}: ${why}; it fails here, on a real host it stays Running for ever`,
  );
}
