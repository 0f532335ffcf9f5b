/**
 * Runs timer triggers: NCRONTAB with six fields, one run at a time, a schedule monitor that survives restarts, on one host at a time.
 * https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Cron } from 'croner';
import type { FunctionDefinition } from './contract.ts';
import type { Trigger, TriggerContext } from './event-hub-trigger.ts';
import { invokeWithRetry } from './retry.ts';
import { resolveSetting, textOf } from './settings.ts';

interface Status {
  readonly last: string;
  readonly next: string;
  readonly lastUpdated: string;
}

/** Schedules that run more often are not monitored. */
const MONITOR_FROM_MS = 60_000;
const NEVER = '0001-01-01T00:00:00+00:00';
/** Longest time of setTimeout. */
const LONGEST_WAIT_MS = 2_000_000_000;
const LOCK_RETRY_MS = 500;
const CRON_FIELDS = /^\S+(?:\s+\S+){4,5}$/;
const TIME_SPAN = /^(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2})$/;

export function startTimerTrigger(definition: FunctionDefinition, context: TriggerContext): Trigger {
  const { trigger, name } = definition;
  const stopping = new AbortController();
  const file = join(context.dataDir, 'timers', `${name}.json`);
  const { next, monitored } = scheduleOf(definition, context.now());
  /** setTimeout may fire early: an occurrence that has run does not run again. */
  let lastDue = 0;
  const following = () => next(Math.max(context.now(), lastDue));
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let status: Status | undefined;
  let lock: Disposable | undefined;

  const run = async (isPastDue: boolean) => {
    const payload = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: status ? upper(status) : null,
      IsPastDue: isPastDue,
    };
    const inputs = [
      { name: trigger.name, data: { json: JSON.stringify(payload) } },
      ...context.extraInputs(definition),
    ];
    await invokeWithRetry(context.app, definition, { inputs }, stopping.signal);
    if (!monitored) return;
    const now = context.now();
    const at = timeText(now);
    status = { last: at, next: timeText(following() ?? now), lastUpdated: at };
    writeStatus(file, status);
  };

  const arm = () => {
    if (stopping.signal.aborted) return;
    const due = following();
    if (due === undefined) return;
    const wait = due - context.now();
    timer = setTimeout(
      () => {
        if (wait > LONGEST_WAIT_MS) return arm();
        lastDue = due;
        running = run(false).finally(arm);
      },
      Math.min(wait, LONGEST_WAIT_MS),
    );
  };

  const begin = () => {
    status = monitored ? readStatus(file) : undefined;
    if (monitored && !status) {
      status = firstStatus(next, context.now());
      writeStatus(file, status);
    }
    const overdue = status !== undefined && Date.parse(status.next) < context.now();
    if (trigger['runOnStartup'] === true || overdue) running = run(overdue).finally(arm);
    else arm();
  };

  /** One of the hosts on this data folder runs the timer; the others keep trying, and the first to succeed takes over. */
  const becomeOnly = () => {
    if (stopping.signal.aborted) return;
    lock = acquire(join(context.dataDir, 'timers', `${name}.lock`));
    if (lock) begin();
    else timer = setTimeout(becomeOnly, LOCK_RETRY_MS);
  };
  becomeOnly();
  return {
    ready: Promise.resolve(),
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await running;
      lock?.[Symbol.dispose]();
    },
  };
}

/** The lock is an open transaction, so the system releases it when the process ends, in any way. Undefined: another process has it. */
function acquire(file: string): Disposable | undefined {
  mkdirSync(join(file, '..'), { recursive: true });
  const database = new DatabaseSync(file);
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return { [Symbol.dispose]: () => database.close() };
  } catch {
    database.close();
    return undefined;
  }
}

/** The payload of `POST /admin/functions/{name}`. */
export function manualPayload(definition: FunctionDefinition, now: number): string {
  const { next, monitored } = scheduleOf(definition, now);
  const ScheduleStatus = monitored ? upper(firstStatus(next, now)) : null;
  return JSON.stringify({ Schedule: { AdjustForDST: true }, ScheduleStatus, IsPastDue: false });
}

interface Schedule {
  /** The first occurrence after a time, both in ms since the epoch. */
  readonly next: (after: number) => number | undefined;
  readonly monitored: boolean;
}

/** @throws Error in the words of the real host, when the schedule cannot be read */
function scheduleOf({ trigger }: FunctionDefinition, now: number): Schedule {
  const next = occurrences(resolveSetting(textOf(trigger['schedule'])).trim());
  const first = next(now) ?? 0;
  const second = next(first) ?? 0;
  return { next, monitored: trigger['useMonitor'] !== false && second - first >= MONITOR_FROM_MS };
}

function occurrences(schedule: string): Schedule['next'] {
  const [, days = 0, hours, minutes, seconds] = TIME_SPAN.exec(schedule) ?? [];
  if (hours !== undefined) {
    const interval =
      (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
    if (interval > 0) return (after) => after + interval;
  } else if (CRON_FIELDS.test(schedule)) {
    try {
      const fields = schedule.split(/\s+/);
      const pattern = fields.length === 5 ? ['0', ...fields] : fields;
      const cron = new Cron(pattern.join(' '), { timezone: 'UTC', mode: 'auto' });
      return (after) => cron.nextRun(new Date(after))?.getTime();
    } catch {
      // Refused below.
    }
  }
  throw new Error(
    `The schedule expression '${schedule}' was not recognized as a valid cron expression or timespan string.`,
  );
}

/** The form of a local time in .NET: with its offset, and without a zero fraction. */
function timeText(time: number): string {
  const minutes = -new Date(time).getTimezoneOffset();
  const local = new Date(time + minutes * 60_000).toISOString().replace(/\.?0*Z$/, '');
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${local}${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}

/** The state of a schedule that has not run yet: from now on, a missed occurrence is detected. */
function firstStatus(next: Schedule['next'], now: number): Status {
  return {
    last: NEVER,
    next: timeText(next(now) ?? now),
    lastUpdated: timeText(now),
  };
}

function upper({ last, next, lastUpdated }: Status): Record<string, string> {
  return { Last: last, Next: next, LastUpdated: lastUpdated };
}

function readStatus(file: string): Status | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Status;
  } catch {
    return undefined;
  }
}

function writeStatus(file: string, status: Status): void {
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(status));
  renameSync(`${file}.new`, file);
}
