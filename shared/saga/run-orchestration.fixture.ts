/**
 * Runs an orchestration without an engine: tasks are carried out one by one, time is virtual, and every run is replayed
 * from its history, which must ask for the same tasks in the same order.
 *
 * A wait for `wake` that ended by its timer stays open and swallows the next wake, as the engine's own waits do.
 */
import type { OrchestrationContext } from 'durable-functions';
import type { Orchestration, StepInput, StepResult, TogetherArgs } from './protocol.ts';

export type Activities = Readonly<Record<string, (input: StepInput) => StepResult | Promise<StepResult>>>;

export interface ScheduledEvent {
  /** Seconds after the begin. */
  readonly at: number;
  readonly run: () => void | Promise<void>;
}

export interface ReplayHarness {
  /** By the name under which the engine knows them. */
  readonly activities: Activities;
  readonly clock: { now: Date };
  readonly events?: readonly ScheduledEvent[];
  /** The process dies when this many activities have run; default: never. */
  readonly diesAfter?: number;
}

export interface RunResult {
  /** False when the process died. */
  readonly ended: boolean;
  /** Names of the activities, without their prefix. */
  readonly activities: readonly string[];
  readonly inputs: readonly { readonly activity: string; readonly input: StepInput }[];
  /** Timers that were neither cancelled nor fired. */
  readonly openTimers: number;
}

export interface Running {
  wake?: () => void;
}

type FakeTask =
  | { kind: 'activity'; name: string; input: unknown }
  | { kind: 'timer'; at: string; cancel: () => void }
  | { kind: 'wake' }
  | { kind: 'any'; tasks: FakeTask[] };

interface HistoryEntry {
  readonly asked: string;
  readonly result: unknown;
  /** Index of the first of several. */
  readonly first: number | undefined;
  readonly now: Date;
}

/** An orchestration of these tests ends sooner. */
const MAX_TASKS = 500;

/** An activity's name without the saga's prefix; of one that runs several steps, theirs: `hold+book`. */
function nameOf(activity: string, { args }: StepInput): string {
  const plain = activity.replace(/^[a-z]+_/, '');
  return plain === 'together' ? (args as TogetherArgs).steps.map(({ name }) => name).join('+') : plain;
}

export async function runOrchestration(
  orchestrate: (context: OrchestrationContext) => Orchestration<void>,
  harness: ReplayHarness,
  running: Running = {},
): Promise<RunResult> {
  const { clock } = harness;
  const begin = clock.now.getTime();
  const inputs: { activity: string; input: StepInput }[] = [];
  const history: HistoryEntry[] = [];
  const timers = new Set<FakeTask>();
  const waits = createWaits(harness, begin, timers);
  running.wake = waits.wake;
  const result = (ended: boolean): RunResult => ({
    ended,
    activities: inputs.map(({ activity, input }) => nameOf(activity, input)),
    inputs,
    openTimers: timers.size,
  });

  const orchestration = orchestrate(contextOf(() => new Date(clock.now), timers));
  let next = orchestration.next();
  while (!next.done) {
    if (history.length > MAX_TASKS) {
      throw new Error(`it does not end: ${result(false).activities.slice(-20).join(' ')}`);
    }
    const task = next.value as unknown as FakeTask;
    if (task.kind === 'activity') {
      inputs.push({ activity: task.name, input: copy(task.input) as StepInput });
      const answer = await runActivity(task, harness.activities);
      history.push({ asked: written(task), result: answer, first: undefined, now: new Date(clock.now) });
      if (harness.diesAfter !== undefined && inputs.length >= harness.diesAfter) return result(false);
      next = orchestration.next(copy(answer));
    } else {
      const first = await waits.wait(task);
      history.push({ asked: written(task), result: undefined, first, now: new Date(clock.now) });
      next = orchestration.next(first === undefined || task.kind !== 'any' ? undefined : task.tasks[first]);
    }
  }
  replay(orchestrate, new Date(begin), history);
  return result(true);
}

async function runActivity(
  task: Extract<FakeTask, { kind: 'activity' }>,
  activities: Activities,
): Promise<StepResult> {
  const activity = activities[task.name];
  if (!activity) throw new Error(`there is no activity ${task.name}`);
  return activity(copy(task.input) as StepInput);
}

/** Virtual time: waits end by a wake or a timer, whichever is first; scheduled events happen on the way. */
function createWaits({ clock, events = [] }: ReplayHarness, begin: number, timers: Set<FakeTask>) {
  const scheduled = [...events].toSorted((a, b) => a.at - b.at);
  let [pending, abandoned] = [0, 0];
  const wake = () => {
    if (abandoned > 0) abandoned -= 1;
    else pending += 1;
  };
  return { wake, wait };

  /** Answers which of several tasks was first. */
  async function wait(task: FakeTask): Promise<number | undefined> {
    const waited = (task.kind === 'any' ? task.tasks : [task]).filter((each) => each.kind === 'timer');
    const end = Math.min(...waited.map(({ at }) => Date.parse(at)));
    const wakes = task.kind === 'wake' || task.kind === 'any';
    for (;;) {
      if (wakes && pending > 0) {
        pending -= 1;
        return task.kind === 'any' ? task.tasks.findIndex(({ kind }) => kind === 'wake') : undefined;
      }
      const [event] = scheduled;
      if (!event || begin + event.at * 1000 > end) break;
      scheduled.shift();
      clock.now = new Date(Math.max(clock.now.getTime(), begin + event.at * 1000));
      await event.run();
      if (!wakes) continue;
      // A wake that comes during a wait goes to that wait, which is the youngest.
      const swallowed = abandoned;
      abandoned = 0;
      wake();
      abandoned = swallowed;
    }
    if (end === Number.POSITIVE_INFINITY) throw new Error('it waits for ever');
    clock.now = new Date(Math.max(clock.now.getTime(), end));
    for (const timer of waited) timers.delete(timer);
    if (task.kind !== 'any') return undefined;
    abandoned += 1;
    return task.tasks.findIndex(({ kind }) => kind === 'timer');
  }
}

/** The same orchestration, given the same answers, asks for the same tasks. */
function replay(
  orchestrate: (context: OrchestrationContext) => Orchestration<void>,
  begin: Date,
  history: readonly HistoryEntry[],
): void {
  let now = begin;
  const orchestration = orchestrate(contextOf(() => now, new Set()));
  let next = orchestration.next();
  for (const entry of history) {
    const task = next.value as unknown as FakeTask;
    if (next.done || written(task) !== entry.asked) {
      const asked = next.done ? 'nothing' : written(task);
      throw new Error(`the replay asks for ${asked}, not for ${entry.asked}`);
    }
    now = entry.now;
    const answer =
      task.kind === 'any' && entry.first !== undefined ? task.tasks[entry.first] : copy(entry.result);
    next = orchestration.next(answer);
  }
  if (!next.done) throw new Error(`the replay goes on with ${written(next.value as unknown as FakeTask)}`);
}

function contextOf(now: () => Date, timers: Set<FakeTask>): OrchestrationContext {
  const df = {
    get currentUtcDateTime() {
      return now();
    },
    callActivity: (name: string, input: unknown): FakeTask => ({
      kind: 'activity',
      name,
      input: copy(input),
    }),
    createTimer: (at: Date): FakeTask => {
      const timer: FakeTask = { kind: 'timer', at: at.toISOString(), cancel: () => timers.delete(timer) };
      timers.add(timer);
      return timer;
    },
    waitForExternalEvent: (): FakeTask => ({ kind: 'wake' }),
    Task: { any: (tasks: FakeTask[]): FakeTask => ({ kind: 'any', tasks }) },
  };
  return { df } as unknown as OrchestrationContext;
}

function written(task: FakeTask): string {
  return JSON.stringify(task);
}

function copy(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
