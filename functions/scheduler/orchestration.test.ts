import { beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../shared/contracts/outcome.ts';
import { compensatedSteps } from '../../shared/saga/define-saga.ts';
import {
  type Signal,
  type StepError,
  type StepInput,
  type StepResult,
  type TogetherArgs,
  untilSuperseded,
} from '../../shared/saga/protocol.ts';
import {
  type Running,
  type RunResult,
  runOrchestration,
  type ScheduledEvent,
} from '../../shared/saga/run-orchestration.fixture.ts';
import { compensateAndFinish, unknownOutcome } from './compensate.ts';
import { deliver } from './deliver.ts';
import { deliverySaga } from './delivery-saga.ts';
import { createWorkflowContext, type Limits, type WorkflowInput } from './workflow-context.ts';

const LIMITS: Limits = {
  missionAnswer: 20,
  recallAnswer: 20,
  pickupGrace: 600,
  deliveryGrace: 1800,
  confirmation: 3600,
  drones: 3,
  stepAttempts: 3,
  stepRetry: 1,
};
const BEGIN = new Date('2026-11-23T12:00:00.000Z');
const eta = (minutes: number) => {
  const at = new Date(BEGIN.getTime() + minutes * 60_000).toISOString();
  return { at, earliest: at, latest: at };
};
const COMPENSATED: readonly string[] = compensatedSteps(deliverySaga);
const IN_REVERSE = COMPENSATED.toReversed().map((name) => `${name}_compensate`);

const fail = (code: string, more: Partial<StepError> = {}) => ({
  failure: { code, detail: code, retryable: false, ...more },
});

let clock: { now: Date };
let inbox: { signal: Signal; handled: boolean }[];
let effects: Set<string>;
let answers: Map<string, unknown[]>;
let calls: { name: string; args: unknown; at: Date }[];
let running: Running;
let pendingOutcome: Outcome | undefined;
let outcome: Outcome | undefined;
let underWay: WorkflowInput['underWay'];

beforeEach(() => {
  [clock, inbox, effects] = [{ now: new Date(BEGIN) }, [], new Set()];
  [answers, calls, running, pendingOutcome, outcome] = [new Map(), [], {}, undefined, undefined];
  underWay = null;
});

/** The next answers of an activity; afterwards it answers as usual. */
const answer = (name: string, ...list: unknown[]) => answers.set(name, list);
/** Puts a signal into the inbox. */
const put = (kind: string, facts: Signal['facts'] = {}) => {
  const signal = { eventId: `${kind}-${inbox.length}`, kind, at: clock.now.toISOString(), facts };
  inbox.push({ signal, handled: false });
};
const flight = (kind: string, generation = 1, more: Signal['facts'] = {}) => {
  put(kind, { missionId: `m${generation}`, ...more });
};
const after = (at: number, happen: () => void): ScheduledEvent => ({ at, run: happen });

const usual: Readonly<Record<string, (input: StepInput) => unknown>> = {
  reserveDrone: ({ generation }) => ({
    by: 'drone',
    droneId: `drone-${generation}`,
    missionId: `m${generation}`,
    fence: generation,
    pickupEta: eta(5),
    deliveryEta: eta(10),
  }),
  bookCarrier: () => ({ by: 'third-party', carrierId: 'van', pickupEta: eta(30), deliveryEta: eta(60) }),
  checkProof: () => ({ proven: true }),
  recallDrone: () => ({ sent: true }),
  cancelCarrier: () => ({ cancelled: true }),
  beginCompensation: ({ args }) => {
    pendingOutcome ??= args as Outcome;
    return { steps: COMPENSATED.filter((name) => effects.has(name)), outcome: pendingOutcome };
  },
  finish: ({ args }) => {
    outcome = args as Outcome;
    return null;
  },
};

const activities = new Proxy<Record<string, (input: StepInput) => StepResult>>(
  {},
  { get: (_, activity: string) => (input: StepInput) => act(activity.replace('scheduler_', ''), input) },
);

/** Steps that run together are called one by one. */
function act(name: string, input: StepInput): StepResult {
  if (name === 'together') {
    const { steps: together } = input.args as TogetherArgs;
    const value = together.map((step) => act(step.name, { ...input, args: step.args }));
    return { ok: true, value, recorded: true, journaled: true, signals: signalsFor(input) };
  }
  calls.push({ name, args: input.args, at: new Date(clock.now) });
  inbox = inbox.map(({ signal, handled }) => ({
    signal,
    handled: handled || input.handled.includes(signal.eventId),
  }));
  if (COMPENSATED.includes(name)) effects.add(name);
  const scripted = answers.get(name)?.shift();
  const value =
    typeof scripted === 'function' ? (scripted as (input: StepInput) => unknown)(input) : scripted;
  const failed = (value as { failure?: StepError } | undefined)?.failure;
  if (failed) return { ok: false, error: failed, journaled: true, signals: [] };
  if (name.endsWith('_compensate')) effects.delete(name.replace('_compensate', ''));
  return {
    ok: true,
    value: value ?? usual[name]?.(input) ?? null,
    recorded: false,
    journaled: true,
    signals: signalsFor(input),
  };
}

function signalsFor(input: StepInput): Signal[] {
  return inbox.filter(({ handled }) => input.signals === 'all' || !handled).map(({ signal }) => signal);
}

async function run(events: readonly ScheduledEvent[] = [], limits: Partial<Limits> = {}): Promise<RunResult> {
  const input = { deliveryId: 'd1', generation: 1, limits: { ...LIMITS, ...limits }, underWay };
  return runOrchestration(
    (context) => untilSuperseded(deliver(createWorkflowContext(context, input))),
    { activities, clock, events },
    running,
  );
}
const steps = () => calls.map(({ name }) => name).filter((name) => name !== 'inbox' && name !== 'note');
const notes = () => calls.filter(({ name }) => name === 'note').map(({ args }) => args);
const moves = () =>
  calls
    .filter(({ name }) => name === 'moveStage' || name === 'pickUp')
    .map(({ args }) => (args as { event: string }).event);
const times = (name: string) => calls.filter((call) => call.name === name).length;
/** A drone that carries out its mission in a few minutes. */
const flies = (generation = 1, from = 0): ScheduledEvent[] => [
  after(from + 1, () => flight('MissionAccepted', generation)),
  after(from + 5, () => flight('TookOff', generation)),
  after(from + 60, () => flight('ArrivedAtPickup', generation)),
  after(from + 80, () => flight('PickedUp', generation)),
  after(from + 200, () => flight('Delivered', generation)),
];
const BEFORE_FLIGHT = ['holdQuota', 'upsertPackage', 'reserveDrone', 'createDelivery', 'dispatchDrone'];
const UNTIL_AIR = [...BEFORE_FLIGHT, 'confirmMission', 'moveStage'];

describe('a delivery', () => {
  test('goes from the request to its end', async () => {
    await run(flies());
    expect(steps()).toEqual([
      ...UNTIL_AIR,
      'pickUp',
      'checkProof',
      'moveStage',
      'releaseDrone',
      'settleQuota',
      'archive',
      'finish',
    ]);
    expect(moves()).toEqual(['HeadedToPickup', 'HeadedToDropoff', 'Completed']);
    expect(outcome).toMatchObject({
      kind: 'completed',
      at: new Date(BEGIN.getTime() + 200_000).toISOString(),
    });
    expect(inbox.every(({ handled, signal }) => handled || signal.kind === 'Delivered')).toBe(true);
  });

  test.each([
    ['holdQuota', 'over_quota', ['upsertPackage_compensate', 'holdQuota_compensate']],
    ['upsertPackage', 'conflict', ['upsertPackage_compensate', 'holdQuota_compensate']],
  ])('is rejected when %s says %s', async (step, code, compensations) => {
    answer(step, fail(code));
    await run();
    expect(outcome).toMatchObject({ kind: 'rejected', reasons: [`${code}: ${code}`] });
    expect(steps().filter((name) => name.endsWith('_compensate'))).toEqual(compensations);
    expect(times('reserveDrone')).toBe(0);
  });

  test('that no drone and no carrier can serve is rejected with the reasons of each, and compensated in reverse order', async () => {
    const refusals = [
      { code: 'too_heavy', count: 3 },
      { code: 'in_flight', count: 1 },
    ];
    answer('reserveDrone', fail('no_feasible_drone', { facts: { refusals } }));
    const reasons = [{ carrierId: 'van', reasons: ['too heavy', 'too far'] }];
    answer('bookCarrier', fail('no_carrier', { facts: { reasons } }));
    await run();
    expect(outcome).toMatchObject({
      kind: 'rejected',
      reasons: ['3 drones: too heavy', '1 drone: in flight', 'van: too heavy; too far'],
    });
    expect(steps().slice(-7)).toEqual([
      'beginCompensation',
      'bookCarrier_compensate',
      'reserveDrone_compensate',
      'upsertPackage_compensate',
      'holdQuota_compensate',
      'archive',
      'finish',
    ]);
  });
});

describe('a step', () => {
  test('that may succeed later is repeated after the time it names, or ever longer pauses (S1)', async () => {
    answer(
      'holdQuota',
      fail('too_many_requests', { retryable: true, retryAfterSeconds: 7 }),
      fail('internal', { retryable: true }),
    );
    await run(flies(1, 10));
    const at = calls
      .filter(({ name }) => name === 'holdQuota')
      .map((call) => (call.at.getTime() - BEGIN.getTime()) / 1000);
    expect(at).toEqual([0, 7, 9]);
    expect(outcome?.kind).toBe('completed');
  });

  test('that never succeeds ends the delivery as failed, compensated; its own effect, which is unknown, too', async () => {
    const away = fail('dependency_unavailable', { retryable: true });
    answer('createDelivery', away, away, away);
    await run();
    expect(times('createDelivery')).toBe(3);
    expect(outcome).toMatchObject({
      kind: 'failed',
      reasons: ['dependency_unavailable: dependency_unavailable'],
    });
    expect(steps().filter((name) => name.endsWith('_compensate'))).toEqual([
      'createDelivery_compensate',
      'reserveDrone_compensate',
      'upsertPackage_compensate',
      'holdQuota_compensate',
    ]);
  });

  test('without a way back is repeated until it succeeds, after any error; an operator is alerted once (W3)', async () => {
    answer('settleQuota', fail('not_found'), fail('not_found'), fail('internal', { retryable: true }));
    await run(flies());
    expect(times('settleQuota')).toBe(4);
    expect(calls.filter(({ name }) => name === 'createWorkItem').map(({ args }) => args)).toMatchObject([
      { kind: 'Overdue', step: 'settleQuota' },
    ]);
    expect(outcome?.kind).toBe('completed');
  });

  test('of a superseded orchestration ends it silently', async () => {
    answer('createDelivery', fail('superseded'));
    const { ended } = await run();
    expect(ended).toBe(true);
    expect(steps().at(-1)).toBe('createDelivery');
    expect(outcome).toBeUndefined();
  });
});

describe('a compensation', () => {
  const cancelled = () => put('cancel');

  test('goes on past a step that is stuck; an operator is alerted, and it is repeated until it succeeds (C1, C2)', async () => {
    answer('upsertPackage_compensate', fail('conflict'), fail('conflict'));
    answer('reserveDrone', fail('internal'));
    await run();
    expect(steps()).toEqual([
      'holdQuota',
      'upsertPackage',
      'reserveDrone',
      'beginCompensation',
      'reserveDrone_compensate',
      'upsertPackage_compensate',
      'holdQuota_compensate',
      'createWorkItem',
      'upsertPackage_compensate',
      'upsertPackage_compensate',
      'archive',
      'finish',
    ]);
    expect(notes()).toEqual([{ state: 'CompensationFailed' }, { state: 'CompensationFailed' }]);
    expect((clock.now.getTime() - BEGIN.getTime()) / 1000).toBe(120);
  });

  test('is repeated at once after a wake (C2)', async () => {
    answer('upsertPackage_compensate', fail('conflict'));
    answer('reserveDrone', fail('internal'));
    await run([after(5, () => undefined)]);
    expect((clock.now.getTime() - BEGIN.getTime()) / 1000).toBe(5);
  });

  test('that an earlier run began ends with the outcome of that run (J5)', async () => {
    pendingOutcome = { kind: 'cancelled', reasons: ['cancelled by the customer'], at: BEGIN.toISOString() };
    effects = new Set(['holdQuota', 'reserveDrone']);
    const input = { deliveryId: 'd1', generation: 1, limits: LIMITS, underWay };
    await runOrchestration(
      (context) => compensateAndFinish(createWorkflowContext(context, input), unknownOutcome(BEGIN)),
      { activities, clock },
      running,
    );
    expect(steps()).toEqual([
      'beginCompensation',
      'reserveDrone_compensate',
      'holdQuota_compensate',
      'archive',
      'finish',
    ]);
    expect(outcome?.kind).toBe('cancelled');
  });

  test('after a cancel compensates everything, the mission first', async () => {
    answer('dispatchDrone', () => (cancelled(), null));
    await run([after(1, () => flight('MissionAccepted')), after(3, () => flight('Recalled'))]);
    expect(steps().filter((name) => name.endsWith('_compensate'))).toEqual(
      IN_REVERSE.filter((name) => name !== 'bookCarrier_compensate'),
    );
  });
});

describe('a cancel', () => {
  const cancel = (at: number) => after(at, () => put('cancel'));

  test('that overtakes its request ends it before any drone is asked', async () => {
    put('cancel');
    await run();
    expect(steps()).not.toContain('reserveDrone');
    expect(outcome?.kind).toBe('cancelled');
  });

  test('before the mission is answered waits for the answer, and is settled by the drone', async () => {
    await run([cancel(1), after(2, () => flight('MissionAccepted')), after(4, () => flight('Recalled'))]);
    expect(outcome?.kind).toBe('cancelled');
    expect(times('recallDrone')).toBe(1);
  });

  test('while the mission is refused needs no recall', async () => {
    await run([cancel(1), after(2, () => flight('MissionRefused'))]);
    expect(outcome?.kind).toBe('cancelled');
    expect(times('recallDrone')).toBe(0);
  });

  test.each(['Recalled', 'Returned', 'Aborted'])(
    'in the air before the pickup is granted when the drone answers %s',
    async (kind) => {
      await run([...flies().slice(0, 2), cancel(20), after(25, () => flight(kind))]);
      expect(outcome?.kind).toBe('cancelled');
      expect(notes()).toEqual([{ cancel: 'requested' }]);
      expect(steps()).toContain('dispatchDrone_compensate');
    },
  );

  test.each([
    ['says that it is loaded', [after(79, () => flight('RecallRefused')), ...flies().slice(3)]],
    ['has just picked up', flies().slice(3)],
  ])('is refused when the drone %s, and the delivery goes on', async (_, rest) => {
    await run([...flies().slice(0, 3), cancel(75), ...rest]);
    expect(notes()).toEqual([{ cancel: 'requested' }, { cancel: 'cancelRefused' }]);
    expect(outcome?.kind).toBe('completed');
    expect(moves()).toEqual(['HeadedToPickup', 'HeadedToDropoff', 'Completed']);
  });

  test('that the drone does not answer is granted after three recalls, and an operator is alerted', async () => {
    await run([...flies().slice(0, 2), cancel(20)]);
    expect(times('recallDrone')).toBe(3);
    expect(times('createWorkItem')).toBe(1);
    expect(outcome?.kind).toBe('cancelled');
  });

  test('after the pickup, or while the proof is awaited, is refused', async () => {
    answer('checkProof', { proven: false }, { proven: false });
    await run([...flies(), cancel(100), after(210, () => put('cancel')), after(220, () => put('Confirmed'))]);
    expect(notes()).toEqual([{ cancel: 'cancelRefused' }, { cancel: 'cancelRefused' }]);
    expect(times('recallDrone')).toBe(0);
    expect(outcome?.kind).toBe('completed');
  });
});

describe('a reschedule', () => {
  const change = { dropoff: { latitude: 1, longitude: 1, altitude: 0 } };
  const reschedule = (at: number) => after(at, () => put('reschedule', change));
  const replans = () => calls.filter(({ name }) => name === 'replan').map(({ args }) => args);

  test('before a drone is assigned changes the request', async () => {
    put('reschedule', change);
    await run(flies(2));
    expect(replans()).toEqual([{ request: change, reschedule: 'rescheduled' }]);
    expect(times('reserveDrone')).toBe(1);
    expect(outcome?.kind).toBe('completed');
  });

  test('in the air recalls the drone and plans again, with any drone', async () => {
    await run([...flies().slice(0, 2), reschedule(20), after(25, () => flight('Recalled')), ...flies(2, 30)]);
    expect(replans()).toEqual([{ request: change, reschedule: 'rescheduled' }]);
    expect(times('reserveDrone')).toBe(2);
    expect(times('createDelivery')).toBe(2);
    expect(outcome?.kind).toBe('completed');
  });

  test.each([75, 100])('is refused once the drone is loaded (after %i s)', async (at) => {
    await run([...flies().slice(0, 3), reschedule(at), ...flies().slice(3)]);
    expect(notes().at(-1)).toEqual({ reschedule: 'rescheduleRefused' });
    expect(replans()).toEqual([]);
    expect(outcome?.kind).toBe('completed');
  });
});

describe('a drone', () => {
  const excluded = () =>
    calls.filter(({ name }) => name === 'replan').map(({ args }) => (args as { exclude: string }).exclude);

  test('that refuses is replaced by the next', async () => {
    await run([after(1, () => flight('MissionRefused')), ...flies(2, 10)]);
    expect(excluded()).toEqual(['drone-1']);
    expect(times('recallDrone')).toBe(0);
    expect(outcome?.kind).toBe('completed');
  });

  test('that is silent is recalled and replaced', async () => {
    await run([after(25, () => flight('Recalled')), ...flies(2, 40)]);
    expect(times('recallDrone')).toBe(1);
    expect(excluded()).toEqual(['drone-1']);
    expect(outcome?.kind).toBe('completed');
  });

  test.each(['dispatchDrone', 'confirmMission'])(
    'whose reservation ran out before %s is replaced',
    async (step) => {
      answer(step, fail('stale'));
      await run([after(1, () => flight('MissionAccepted')), ...flies(2, 10)]);
      expect(excluded()).toEqual(['drone-1']);
      expect(outcome?.kind).toBe('completed');
    },
  );

  test.each(['Aborted', 'Returned'])('that is lost before the pickup (%s) is replaced', async (kind) => {
    await run([...flies().slice(0, 2), after(20, () => flight(kind)), ...flies(2, 30)]);
    expect(excluded()).toEqual(['drone-1']);
    expect(outcome?.kind).toBe('completed');
  });

  test.each(['LowBattery', 'LinkLost'])(
    'that reports %s before the pickup is recalled and replaced',
    async (kind) => {
      await run([
        ...flies().slice(0, 2),
        after(20, () => flight(kind)),
        after(22, () => flight('Recalled')),
        ...flies(2, 30),
      ]);
      expect(excluded()).toEqual(['drone-1']);
      expect(outcome?.kind).toBe('completed');
    },
  );

  test('that does not pick up in time is recalled and replaced; if it is loaded it goes on', async () => {
    const late = 300 + 600 + 5;
    await run([...flies().slice(0, 2), after(late, () => flight('Recalled')), ...flies(2, late)]);
    expect(excluded()).toEqual(['drone-1']);
    expect(outcome?.kind).toBe('completed');
    calls = [];
    inbox = [];
    clock = { now: new Date(BEGIN) };
    const loaded = [after(late, () => flight('RecallRefused')), after(late + 300, () => flight('PickedUp'))];
    await run([...flies().slice(0, 2), ...loaded, after(late + 400, () => flight('Delivered'))]);
    expect(times('recallDrone')).toBe(1);
    expect(outcome?.kind).toBe('completed');
  });

  test('that is the last allowed to refuse is released before a carrier is booked', async () => {
    const refusals = [1, 2, 3].map((generation) =>
      after(generation * 2, () => flight('MissionRefused', generation)),
    );
    await run([
      ...refusals,
      after(100, () => put('CarrierCollected')),
      after(200, () => put('CarrierDelivered')),
    ]);
    expect(times('reserveDrone')).toBe(3);
    expect(steps().indexOf('releaseDrone')).toBeLessThan(steps().indexOf('bookCarrier'));
    expect(outcome?.kind).toBe('completed');
  });

  test('ignores the signals of an earlier mission', async () => {
    const old = ['PickedUp', 'Delivered', 'Aborted'].map((kind) => after(12, () => flight(kind, 1)));
    await run([after(1, () => flight('MissionRefused')), ...old, ...flies(2, 10)]);
    expect(moves()).toEqual(['HeadedToPickup', 'HeadedToDropoff', 'Completed']);
    expect(times('replan')).toBe(1);
  });

  test('that aborts with the package brings it back: returned, the quota is free, nothing else is compensated', async () => {
    const twice = [100, 110].map((at) => after(at, () => flight('Aborted')));
    await run([
      ...flies().slice(0, 4),
      ...twice,
      after(150, () => flight('Returned', 1, { reason: 'rotor' })),
    ]);
    expect(moves()).toEqual(['HeadedToPickup', 'HeadedToDropoff', 'Returning', 'Failed']);
    expect(outcome).toMatchObject({ kind: 'returned', reasons: [expect.stringContaining('rotor')] });
    expect(steps().slice(-5)).toEqual([
      'moveStage',
      'releaseDrone',
      'holdQuota_compensate',
      'archive',
      'finish',
    ]);
  });

  test('that brought the package back ends when the quota is free, not before', async () => {
    answer('holdQuota_compensate', fail('conflict'), fail('conflict'));
    await run([...flies().slice(0, 4), after(150, () => flight('Returned'))]);
    expect(times('holdQuota_compensate')).toBe(3);
    expect(times('createWorkItem')).toBe(1);
    expect(steps().at(-1)).toBe('finish');
  });

  test('that is overdue with the package alerts an operator, once, and may still arrive', async () => {
    await run([...flies().slice(0, 4), after(9000, () => flight('Delivered'))]);
    expect(times('createWorkItem')).toBe(1);
    expect(outcome?.kind).toBe('completed');
  });
});

describe('a proof', () => {
  test('that does not come alerts an operator, and the delivery ends', async () => {
    answer('checkProof', ...Array(5).fill({ proven: false }));
    await run(flies());
    expect(calls.find(({ name }) => name === 'createWorkItem')?.args).toMatchObject({ kind: 'ProofMissing' });
    expect(outcome?.kind).toBe('completed');
  });
});

describe('a carrier', () => {
  const drive = [after(100, () => put('CarrierCollected')), after(200, () => put('CarrierDelivered'))];
  beforeEach(() => {
    answer('reserveDrone', fail('no_feasible_drone'));
  });

  test('serves when no drone can', async () => {
    const position = { latitude: 47.6, longitude: -122.3, altitude: 0 };
    await run([after(40, () => put('CarrierDeparted', { position })), ...drive]);
    expect(moves()).toEqual(['HeadedToPickup', 'HeadedToDropoff', 'Completed']);
    const toPickup = calls.find(({ name }) => name === 'moveStage');
    expect(toPickup?.args).toMatchObject({ event: 'HeadedToPickup', position });
    const toDropoff = calls.find(({ name }) => name === 'pickUp');
    expect((toDropoff?.at.getTime() ?? 0) - (toPickup?.at.getTime() ?? 0)).toBeGreaterThanOrEqual(59_000);
    expect(steps()).not.toContain('dispatchDrone');
    expect(outcome?.kind).toBe('completed');
  });

  test('that reports no departure, or reports it late, is never shown on its way to the pickup (W19)', async () => {
    await run([...drive, after(150, () => put('CarrierDeparted'))]);
    expect(moves()).toEqual(['HeadedToDropoff', 'Completed']);
  });

  test('is cancelled before it has collected', async () => {
    await run([after(50, () => put('cancel'))]);
    expect(outcome?.kind).toBe('cancelled');
    expect(steps()).toContain('bookCarrier_compensate');
  });

  test('that answers that it has collected already goes on, and the cancel is refused', async () => {
    answer('cancelCarrier', { cancelled: false });
    await run([after(50, () => put('cancel')), ...drive]);
    expect(notes()).toEqual([{ cancel: 'requested' }, { cancel: 'cancelRefused' }]);
    expect(outcome?.kind).toBe('completed');
  });

  test('is neither cancelled nor rescheduled once it has collected', async () => {
    await run([...drive, after(150, () => put('cancel')), after(160, () => put('reschedule'))]);
    expect(notes()).toContainEqual({ cancel: 'cancelRefused' });
    expect(notes()).toContainEqual({ reschedule: 'rescheduleRefused' });
    expect(times('cancelCarrier')).toBe(0);
    expect(outcome?.kind).toBe('completed');
  });

  test('that fails ends it as failed, with its reason', async () => {
    await run([after(50, () => put('CarrierFailed', { reason: 'flat tyre' }))]);
    expect(outcome).toMatchObject({ kind: 'failed', reasons: ['van could not deliver: flat tyre'] });
  });

  test('that is overdue alerts an operator, once', async () => {
    await run([after(20_000, () => put('CarrierCollected')), after(21_000, () => put('CarrierDelivered'))]);
    expect(times('createWorkItem')).toBe(1);
    expect(outcome?.kind).toBe('completed');
  });
});

describe('an orchestration that begins again, because the engine has lost it', () => {
  const settled = (kind: string, generation = 1) => {
    flight(kind, generation);
    const last = inbox.at(-1);
    if (last) last.handled = true;
  };
  beforeEach(() => {
    underWay = 'drone';
  });

  test('is told all signals again, in order, and goes on where it was', async () => {
    for (const kind of ['MissionAccepted', 'TookOff', 'PickedUp']) settled(kind);
    flight('Delivered');
    await run();
    expect(times('recallDrone')).toBe(0);
    expect(moves()).toEqual(['HeadedToPickup', 'HeadedToDropoff', 'Completed']);
    expect(outcome?.kind).toBe('completed');
  });

  test('leaves a cancel to the drone that is under way', async () => {
    for (const kind of ['MissionAccepted', 'TookOff']) settled(kind);
    put('cancel');
    settled('PickedUp');
    flight('Delivered');
    await run();
    expect(notes().at(-1)).toEqual({ cancel: 'cancelRefused' });
    expect(outcome?.kind).toBe('completed');
  });

  test('asks no drone while a carrier is under way', async () => {
    underWay = 'third-party';
    put('CarrierCollected');
    put('CarrierDelivered');
    await run();
    expect(times('reserveDrone')).toBe(0);
    expect(outcome?.kind).toBe('completed');
  });
});

test('a pickup that comes with the answer of an activity is taken at once, without a wake (W1)', async () => {
  answer('confirmMission', () => {
    flight('PickedUp', 2);
    return null;
  });
  const silentThenBusy = [after(22, () => flight('Recalled')), after(30, () => flight('MissionAccepted', 2))];
  await run([...silentThenBusy, after(500, () => flight('Delivered', 2))]);
  const at = (name: string) => calls.find((call) => call.name === name)?.at;
  expect(at('confirmMission')).toBeDefined();
  expect(at('pickUp')).toEqual(at('confirmMission'));
  expect(outcome?.kind).toBe('completed');
});
