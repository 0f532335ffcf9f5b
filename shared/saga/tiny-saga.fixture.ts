/** A saga of five steps for the tests of this folder: it knows no deliveries. */
import type { OrchestrationContext } from 'durable-functions';
import { defineSaga, type } from './define-saga.ts';
import type { Orchestration, Signal, StepError, StepInput, StepResult } from './protocol.ts';
import {
  type Activities,
  type Running,
  type RunResult,
  runOrchestration,
} from './run-orchestration.fixture.ts';
import { type Alert, createSagaContext, type SagaContext } from './saga-context.ts';

export const tinySaga = defineSaga({
  prefix: 'tiny',
  timeoutSeconds: 5,
  outcome: type<{ readonly kind: string }>(),
  change: type<{ readonly to: string }>(),
  note: type<{ readonly remark: string }>(),
  steps: {
    ask: { does: 'Ask whether the saga may be carried out', gate: true },
    hold: { does: 'Hold a thing', result: type<string>(), once: 'saga', compensated: true },
    book: { does: 'Book a place', result: type<string>(), once: 'generation', compensated: true },
    send: { does: 'Send it', args: type<{ readonly n: number }>(), pivot: true, forwardOnly: true },
    tell: { does: 'Tell an operator', args: type<Alert>(), untilDone: true, timeoutSeconds: 2 },
  },
});
export type TinyContext = SagaContext<typeof tinySaga>;

export const BEGIN = new Date('2026-11-23T12:00:00.000Z');

export const failure = (code: string, more: Partial<StepError> = {}): StepResult => ({
  ok: false,
  error: { code, detail: code, retryable: false, ...more },
  journaled: true,
  signals: [],
});
export const success = (
  value: unknown = null,
  signals: readonly Signal[] = [],
): Extract<StepResult, { ok: true }> => ({
  ok: true,
  value,
  recorded: false,
  journaled: true,
  signals,
});
export const signal = (eventId: string, kind = 'news'): Signal => ({
  eventId,
  kind,
  at: BEGIN.toISOString(),
  facts: {},
});

/** Activities by name; `answers` are used up one by one, then each succeeds. Signals in `inbox` come with each answer. */
export function createTinyWorld() {
  const clock = { now: new Date(BEGIN) };
  const answers = new Map<string, StepResult[]>();
  const inbox: Signal[] = [];
  const calls: { name: string; input: StepInput; at: number }[] = [];
  const running: Running = {};
  const activities = new Proxy<Record<string, (input: StepInput) => StepResult>>(
    {},
    {
      get: (_, activity: string) => (input: StepInput) => {
        const name = activity.replace('tiny_', '');
        calls.push({ name, input, at: (clock.now.getTime() - BEGIN.getTime()) / 1000 });
        const answer = answers.get(name)?.shift() ?? success();
        return answer.ok ? { ...answer, signals: [...answer.signals, ...inbox] } : answer;
      },
    },
  ) as Activities;
  return {
    clock,
    calls,
    inbox,
    running,
    answer: (name: string, ...list: StepResult[]) => answers.set(name, list),
    times: (name: string) => calls.filter((call) => call.name === name).map(({ at }) => at),
    run: (
      orchestrate: (saga: TinyContext) => Orchestration<void>,
      events: readonly { at: number; run: () => void }[] = [],
      attempts = 3,
    ): Promise<RunResult> =>
      runOrchestration(
        (context: OrchestrationContext) => {
          const start = { id: 's1', generation: 1, retry: { attempts, firstSeconds: 1 } };
          const alert = (self: TinyContext, problem: Alert) => self.step('tell', problem);
          return orchestrate(createSagaContext(context, tinySaga, start, { alert }));
        },
        { activities, clock, events },
        running,
      ),
  };
}
