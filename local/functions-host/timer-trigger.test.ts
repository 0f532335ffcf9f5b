import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FunctionDefinition, Invocation } from './contract.ts';
import type { TriggerContext } from './event-hub-trigger.ts';
import { manualPayload, startTimerTrigger } from './timer-trigger.ts';

const NOON = Date.parse('2026-03-01T12:00:00Z');
const DAY_MS = 24 * 60 * 60_000;
const DAILY = '0 0 3 * * *';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'timers-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const timer = (schedule: string, options: Record<string, unknown> = {}): FunctionDefinition => {
  const trigger = { name: 'timer', type: 'timerTrigger', direction: 'in' as const, schedule, ...options };
  return { name: 'nightly', trigger, bindings: [trigger] };
};

interface Payload {
  readonly IsPastDue: boolean;
  readonly ScheduleStatus: { readonly Last: string; readonly Next: string } | null;
}

/** Starts the trigger at a time; `calls` are the payloads that the function got, and when by that clock. */
function start(definition: FunctionDefinition, now: () => number) {
  const calls: (Payload & { readonly at: number })[] = [];
  const context: TriggerContext = {
    app: {
      functions: new Map([[definition.name, definition]]),
      invoke: async (_: string, { inputs }: Invocation) => {
        calls.push({ ...(JSON.parse(inputs[0]?.data.json ?? '') as Payload), at: now() });
        return { ok: true, outputs: [] };
      },
    },
    config: {},
    log: () => undefined,
    extraInputs: () => [],
    dataDir,
    now,
  };
  return { calls, context, trigger: startTimerTrigger(definition, context) };
}

const status = () =>
  JSON.parse(readFileSync(join(dataDir, 'timers', 'nightly.json'), 'utf8')) as { last: string; next: string };

/** As .NET writes the time where the test runs. */
function atLocal(time: string): string {
  const { year, month, day, hour, minute, second } = Object.fromEntries(
    new Intl.DateTimeFormat('en-GB', { dateStyle: 'short', timeStyle: 'medium' })
      .formatToParts(new Date(time))
      .map(({ type, value }) => [type, value]),
  );
  const offset = -new Date(time).getTimezoneOffset();
  const two = (value: number) => String(value).padStart(2, '0');
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`;
}

describe('the schedule monitor', () => {
  test('writes down the next occurrence at the first start, before any run', async () => {
    const { calls, trigger } = start(timer(DAILY), () => NOON);
    await trigger.stop();
    expect(calls).toEqual([]);
    expect(status()).toMatchObject({
      last: '0001-01-01T00:00:00+00:00',
      next: atLocal('2026-03-02T03:00:00Z'),
    });
  });

  test('runs once, as past due, what was missed while the host was down, also when it never ran before', async () => {
    await start(timer(DAILY), () => NOON).trigger.stop();
    const later = start(timer(DAILY), () => NOON + 3 * DAY_MS);
    await later.trigger.stop();
    expect(later.calls).toMatchObject([{ IsPastDue: true }]);
    expect(status().next).toBe(atLocal('2026-03-05T03:00:00Z'));
    const again = start(timer(DAILY), () => NOON + 3 * DAY_MS + 1);
    await again.trigger.stop();
    expect(again.calls).toEqual([]);
  });

  test('is off for schedules below a minute and with useMonitor false', async () => {
    for (const definition of [timer('*/5 * * * * *'), timer(DAILY, { useMonitor: false })]) {
      await start(definition, () => NOON).trigger.stop();
      expect(() => status()).toThrow('ENOENT');
    }
  });
});

test('runOnStartup runs at once, and not as past due', async () => {
  const { calls, trigger } = start(timer(DAILY, { runOnStartup: true }), () => NOON);
  await trigger.stop();
  expect(calls).toMatchObject([{ IsPastDue: false }]);
});

test('an occurrence runs once, also where the timer fires before its time', async () => {
  const began = Date.now();
  const slowly = () => began + (Date.now() - began) * 0.97;
  const { calls, trigger } = start(timer('* * * * * *'), slowly);
  await vi.waitFor(() => expect(calls.length).toBeGreaterThan(2), { timeout: 40_000 });
  await trigger.stop();
  const gaps = calls.slice(1).map(({ at }, index) => at - (calls[index]?.at ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThan(500);
});

test('run by hand, a monitored timer gets its next occurrence, a fast one no status', () => {
  expect(JSON.parse(manualPayload(timer(DAILY), NOON))).toMatchObject({
    ScheduleStatus: { Last: '0001-01-01T00:00:00+00:00', Next: atLocal('2026-03-02T03:00:00Z') },
    IsPastDue: false,
  });
  expect(JSON.parse(manualPayload(timer('*/5 * * * * *'), NOON))).toMatchObject({ ScheduleStatus: null });
});

describe('a schedule', () => {
  test.each([
    ['0 0 3 * * *', '2026-03-02T03:00:00Z'],
    ['0 3 * * *', '2026-03-02T03:00:00Z'],
    ['24:00:00', '2026-03-02T12:00:00Z'],
    ['1.06:30:00', '2026-03-02T18:30:00Z'],
    ['00:05:00', '2026-03-01T12:05:00Z'],
  ])('%s is next due at %s', (schedule, next) => {
    const { ScheduleStatus } = JSON.parse(manualPayload(timer(schedule), NOON)) as Payload;
    expect(ScheduleStatus?.Next).toBe(atLocal(next));
  });

  test.each(['nonsense', '', '99 99 * * * *', '00:00:00', '2026-01-01T00:00:00', '* * *'])(
    'that cannot be read says so, with its text: %s',
    async (schedule) => {
      const { context, trigger } = start(timer(DAILY), () => NOON);
      await trigger.stop();
      expect(() => startTimerTrigger(timer(schedule), context)).toThrow(
        `The schedule expression '${schedule}' was not recognized as a valid cron expression or timespan string.`,
      );
    },
  );
});
