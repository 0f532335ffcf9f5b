/**
 * Plays a story without an engine: tasks are carried out one by one, time is virtual, and every play is told a second time
 * from its record, which must ask for the same tasks in the same order.
 *
 * A wait for `wake` that ended by its timer stays open and swallows the next wake, as the engine's own waits do.
 */
import type { OrchestrationContext } from 'durable-functions';
import type { StepInput, StepResult, Story } from '../../shared/saga/saga.ts';

export type Activities = Readonly<Record<string, (input: StepInput) => StepResult | Promise<StepResult>>>;

export interface Happening {
  /** Seconds after the begin. */
  readonly at: number;
  readonly happen: () => void | Promise<void>;
}

export interface Stage {
  readonly activities: Activities;
  readonly clock: { now: Date };
  readonly happenings?: readonly Happening[];
  /** The process dies when so many activities have run; default: never. */
  readonly diesAfter?: number;
}

export interface Played {
  /** False when it died. */
  readonly ended: boolean;
  readonly activities: readonly string[];
  wake(): void;
}

type Fake =
  | { kind: 'activity'; name: string; input: unknown }
  | { kind: 'timer'; at: string; cancel: () => void }
  | { kind: 'wake' }
  | { kind: 'any'; tasks: Fake[] };

interface Line {
  readonly asked: string;
  readonly result: unknown;
  /** Index of the first of several. */
  readonly first: number | undefined;
  readonly now: Date;
}

/** A story of these tests ends sooner. */
const MOST_TASKS = 500;

/** Names of activities without the service's prefix. */
export const plain = (name: string): string => name.replace(/^scheduler_/, '');

export async function play(
  tell: (context: OrchestrationContext) => Story<void>,
  stage: Stage,
  running: { wake?: () => void } = {},
): Promise<Played> {
  const { clock } = stage;
  const begin = clock.now.getTime();
  const todo = [...(stage.happenings ?? [])].toSorted((a, b) => a.at - b.at);
  const record: Line[] = [];
  const activities: string[] = [];
  const told = new Date(begin);
  let [pending, abandoned] = [0, 0];
  const wake = () => {
    if (abandoned > 0) abandoned -= 1;
    else pending += 1;
  };
  running.wake = wake;

  const story = tell(contextOf(() => new Date(clock.now)));
  let next = story.next();
  while (!next.done) {
    if (record.length > MOST_TASKS) throw new Error(`it does not end: ${activities.slice(-20).join(' ')}`);
    const task = next.value as unknown as Fake;
    if (task.kind === 'activity') {
      activities.push(plain(task.name));
      const result = await carryOut(task);
      record.push({ asked: written(task), result, first: undefined, now: new Date(clock.now) });
      if (stage.diesAfter !== undefined && activities.length >= stage.diesAfter) {
        return { ended: false, activities, wake };
      }
      next = story.next(copy(result));
    } else {
      const first = await sleep(task);
      record.push({ asked: written(task), result: undefined, first, now: new Date(clock.now) });
      next = story.next(first === undefined || task.kind !== 'any' ? undefined : task.tasks[first]);
    }
  }
  tellAgain(tell, told, record);
  return { ended: true, activities, wake };

  async function carryOut(task: Extract<Fake, { kind: 'activity' }>): Promise<StepResult> {
    const activity = stage.activities[plain(task.name)];
    if (!activity) throw new Error(`there is no activity ${task.name}`);
    return activity(copy(task.input) as StepInput);
  }

  /** Until a wake or the timer, whichever is first; answers which of several. */
  async function sleep(task: Fake): Promise<number | undefined> {
    const timers = (task.kind === 'any' ? task.tasks : [task]).filter((each) => each.kind === 'timer');
    const end = Math.min(...timers.map(({ at }) => Date.parse(at)));
    const wakes = task.kind === 'wake' || task.kind === 'any';
    for (;;) {
      if (wakes && pending > 0) {
        pending -= 1;
        return task.kind === 'any' ? task.tasks.findIndex(({ kind }) => kind === 'wake') : undefined;
      }
      const [happening] = todo;
      if (!happening || begin + happening.at * 1000 > end) break;
      todo.shift();
      clock.now = new Date(Math.max(clock.now.getTime(), begin + happening.at * 1000));
      await happening.happen();
      if (!wakes) continue;
      // A wake that comes during a wait goes to that wait, which is the youngest.
      const swallowed = abandoned;
      abandoned = 0;
      wake();
      abandoned = swallowed;
    }
    if (end === Number.POSITIVE_INFINITY) throw new Error(`sleeps for ever after ${activities.join(' ')}`);
    clock.now = new Date(Math.max(clock.now.getTime(), end));
    if (task.kind !== 'any') return undefined;
    abandoned += 1;
    return task.tasks.findIndex(({ kind }) => kind === 'timer');
  }
}

/** The same story, given the same answers, asks for the same. */
function tellAgain(
  tell: (context: OrchestrationContext) => Story<void>,
  begin: Date,
  record: readonly Line[],
): void {
  let now = begin;
  const story = tell(contextOf(() => now));
  let next = story.next();
  for (const line of record) {
    const task = next.value as unknown as Fake;
    if (next.done || written(task) !== line.asked) {
      throw new Error(
        `told again it asks for ${next.done ? 'nothing' : written(task)}, not for ${line.asked}`,
      );
    }
    now = line.now;
    const answer =
      task.kind === 'any' && line.first !== undefined ? task.tasks[line.first] : copy(line.result);
    next = story.next(answer);
  }
  if (!next.done) throw new Error(`told again it goes on with ${written(next.value as unknown as Fake)}`);
}

function contextOf(now: () => Date): OrchestrationContext {
  const df = {
    get currentUtcDateTime() {
      return now();
    },
    callActivity: (name: string, input: unknown): Fake => ({ kind: 'activity', name, input: copy(input) }),
    createTimer: (at: Date): Fake => ({ kind: 'timer', at: at.toISOString(), cancel: () => undefined }),
    waitForExternalEvent: (): Fake => ({ kind: 'wake' }),
    Task: { any: (tasks: Fake[]): Fake => ({ kind: 'any', tasks }) },
  };
  return { df } as unknown as OrchestrationContext;
}

function written(task: Fake): string {
  return JSON.stringify(task);
}

function copy(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
