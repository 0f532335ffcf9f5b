/**
 * Timer triggers: NCRONTAB with six fields, one run at a time, a schedule monitor that survives restarts.
 * https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cron } from 'croner';
import type { FunctionDefinition } from './contract.ts';
import type { Trigger, TriggerContext } from './event-hub-trigger.ts';
import { invokeWithRetry } from './retry.ts';
import { resolveSetting } from './settings.ts';

interface Status {
  readonly last: string;
  readonly next: string;
  readonly lastUpdated: string;
}

/** Schedules that run more often are not monitored. */
const MONITOR_FROM_MS = 60_000;
const NEVER = '0001-01-01T00:00:00+00:00';
/** setTimeout takes no more. */
const LONGEST_WAIT_MS = 2_000_000_000;

export function startTimerTrigger(definition: FunctionDefinition, context: TriggerContext): Trigger {
  const { trigger, name } = definition;
  const schedule = resolveSetting(String(trigger['schedule']));
  const cron = new Cron(schedule.split(' ').length === 5 ? `0 ${schedule}` : schedule, {
    timezone: 'UTC',
    mode: 'auto',
  });
  const stopping = new AbortController();
  const file = join(context.dataDir, 'timers', `${name}.json`);
  const next = (after: number) => cron.nextRun(new Date(after))?.getTime();
  const [one, two] = [next(context.now()) ?? 0, next(next(context.now()) ?? 0) ?? 0];
  const monitored = trigger['useMonitor'] !== false && two - one >= MONITOR_FROM_MS;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let status = monitored ? readStatus(file) : undefined;

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
    await invokeWithRetry(context.app, definition, { inputs }, context.log, stopping.signal);
    if (!monitored) return;
    const now = context.now();
    const at = new Date(now).toISOString();
    status = { last: at, next: new Date(next(now) ?? now).toISOString(), lastUpdated: at };
    writeStatus(file, status);
  };

  const arm = () => {
    if (stopping.signal.aborted) return;
    const due = next(context.now());
    if (due === undefined) return;
    const wait = due - context.now();
    timer = setTimeout(
      () => {
        if (wait > LONGEST_WAIT_MS) return arm();
        running = run(false).finally(arm);
      },
      Math.min(wait, LONGEST_WAIT_MS),
    );
  };

  const overdue = status !== undefined && Date.parse(status.next) < context.now();
  if (trigger['runOnStartup'] === true || overdue) running = run(overdue).finally(arm);
  else arm();
  return {
    ready: Promise.resolve(),
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

/** The payload of `POST /admin/functions/{name}`. */
export function manualPayload(now: number): string {
  const at = new Date(now).toISOString();
  const status = { Last: NEVER, Next: at, LastUpdated: at };
  return JSON.stringify({ Schedule: { AdjustForDST: true }, ScheduleStatus: status, IsPastDue: false });
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
