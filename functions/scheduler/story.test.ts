import { beforeEach, describe, expect, test } from 'vitest';
import type { Signal, StepError, StepInput, StepResult } from '../../shared/saga/saga.ts';
import { deliver } from './deliver.ts';
import type { Ending } from './domain.ts';
import { type Happening, type Played, play } from './play.fixture.ts';
import { type Limits, tell, untilSuperseded } from './tale.ts';
import { undoAndEnd, unknownEnding } from './undo-story.ts';

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
const ORDER = [
  'holdQuota',
  'upsertPackage',
  'reserveDrone',
  'bookCarrier',
  'createDelivery',
  'dispatchDrone',
];
const UNDONE = ORDER.toReversed().map((name) => `${name}_undo`);

const fail = (code: string, more: Partial<StepError> = {}) => ({
  failure: { code, detail: code, retryable: false, ...more },
});

let clock: { now: Date };
let inbox: { signal: Signal; handled: boolean }[];
let effects: Set<string>;
let answers: Map<string, unknown[]>;
let calls: { name: string; args: unknown; at: Date }[];
let running: { wake?: () => void };
let ending: Ending | undefined;
let outcome: Ending | undefined;

beforeEach(() => {
  [clock, inbox, effects] = [{ now: new Date(BEGIN) }, [], new Set()];
  [answers, calls, running, ending, outcome] = [new Map(), [], {}, undefined, undefined];
});

/** The next answers of an activity; afterwards it answers as usual. */
const answer = (name: string, ...list: unknown[]) => answers.set(name, list);
/** Puts something into the inbox and wakes the story. */
const happened = (kind: string, facts: Signal['facts'] = {}) => {
  const signal = { eventId: `${kind}-${inbox.length}`, kind, at: clock.now.toISOString(), facts };
  inbox.push({ signal, handled: false });
};
const flight = (kind: string, generation = 1, more: Signal['facts'] = {}) => {
  happened(kind, { missionId: `m${generation}`, ...more });
};
const after = (at: number, happen: () => void): Happening => ({ at, happen });

const usual: Readonly<Record<string, (input: StepInput) => unknown>> = {
  accept: () => ({ accepted: true, underWay: null }),
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
  effects: ({ args }) => {
    ending ??= args as Ending;
    return { undo: ORDER.filter((name) => effects.has(name)), ending };
  },
  finish: ({ args }) => {
    outcome = args as Ending;
    return null;
  },
};

const activities = new Proxy<Record<string, (input: StepInput) => StepResult>>(
  {},
  {
    get: (_, name: string) => (input: StepInput) => {
      calls.push({ name, args: input.args, at: new Date(clock.now) });
      for (const { signal, ...entry } of inbox) {
        if (input.handled.includes(signal.eventId))
          inbox.splice(
            inbox.findIndex((each) => each.signal === signal),
            1,
            { ...entry, signal, handled: true },
          );
      }
      if (ORDER.includes(name)) effects.add(name);
      const scripted = answers.get(name)?.shift();
      const value =
        typeof scripted === 'function' ? (scripted as (input: StepInput) => unknown)(input) : scripted;
      const failed = (value as { failure?: StepError } | undefined)?.failure;
      if (failed) return { ok: false, error: failed };
      if (name.endsWith('_undo')) effects.delete(name.replace('_undo', ''));
      const signals = inbox
        .filter(({ handled }) => input.signals === 'all' || !handled)
        .map(({ signal }) => signal);
      return { ok: true, value: value ?? usual[name]?.(input) ?? null, signals };
    },
  },
);

async function told(happenings: readonly Happening[] = [], limits: Partial<Limits> = {}): Promise<Played> {
  const input = { deliveryId: 'd1', generation: 1, limits: { ...LIMITS, ...limits } };
  return play(
    (context) => untilSuperseded(deliver(tell(context, input))),
    { activities, clock, happenings },
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
/** A drone that does all it is told, and flies in a few minutes. */
const flies = (generation = 1, from = 0): Happening[] => [
  after(from + 1, () => flight('MissionAccepted', generation)),
  after(from + 5, () => flight('TookOff', generation)),
  after(from + 60, () => flight('ArrivedAtPickup', generation)),
  after(from + 80, () => flight('PickedUp', generation)),
  after(from + 200, () => flight('Delivered', generation)),
];
const BEFORE_FLIGHT = [
  'accept',
  'holdQuota',
  'upsertPackage',
  'reserveDrone',
  'createDelivery',
  'dispatchDrone',
];
const UNTIL_AIR = [...BEFORE_FLIGHT, 'confirmMission', 'moveStage'];

describe('a delivery', () => {
  test('goes from the request to its end', async () => {
    await told(flies());
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

  test('is rejected, without any effect, when ingestion has abandoned the request', async () => {
    answer('accept', { accepted: false, underWay: null });
    await told();
    expect(steps()).toEqual(['accept', 'effects', 'archive', 'finish']);
    expect(outcome?.kind).toBe('rejected');
  });

  test.each([
    ['holdQuota', 'over_quota', ['holdQuota_undo']],
    ['upsertPackage', 'conflict', ['upsertPackage_undo', 'holdQuota_undo']],
  ])('is rejected when %s says %s', async (step, code, undone) => {
    answer(step, fail(code));
    await told();
    expect(outcome).toMatchObject({ kind: 'rejected', reasons: [`${code}: ${code}`] });
    expect(steps().filter((name) => name.endsWith('_undo'))).toEqual(undone);
    expect(times('reserveDrone')).toBe(0);
  });

  test('that nobody can carry is rejected with the reasons of each, and undone in reverse order', async () => {
    const reasons = (who: object) => ({
      facts: { reasons: [{ ...who, reasons: ['too heavy', 'too far'] }] },
    });
    answer('reserveDrone', fail('no_feasible_drone', reasons({ droneId: 'drone-1' })));
    answer('bookCarrier', fail('no_carrier', reasons({ carrierId: 'van' })));
    await told();
    expect(outcome).toMatchObject({
      kind: 'rejected',
      reasons: ['drone-1: too heavy; too far', 'van: too heavy; too far'],
    });
    expect(steps().slice(-7)).toEqual([
      'effects',
      'bookCarrier_undo',
      'reserveDrone_undo',
      'upsertPackage_undo',
      'holdQuota_undo',
      'archive',
      'finish',
    ]);
  });
});

describe('a step', () => {
  test('that may succeed later is tried again after the time it names, or ever longer pauses', async () => {
    answer(
      'holdQuota',
      fail('too_many_requests', { retryable: true, retryAfterSeconds: 7 }),
      fail('internal', { retryable: true }),
    );
    await told(flies(1, 10));
    const at = calls
      .filter(({ name }) => name === 'holdQuota')
      .map((call) => (call.at.getTime() - BEGIN.getTime()) / 1000);
    expect(at).toEqual([0, 7, 9]);
    expect(outcome?.kind).toBe('completed');
  });

  test('that never does ends the delivery as failed, undone; its own effect, too, which is unknown', async () => {
    const away = fail('dependency_unavailable', { retryable: true });
    answer('createDelivery', away, away, away);
    await told();
    expect(times('createDelivery')).toBe(3);
    expect(outcome).toMatchObject({
      kind: 'failed',
      reasons: ['dependency_unavailable: dependency_unavailable'],
    });
    expect(steps().filter((name) => name.endsWith('_undo'))).toEqual([
      'createDelivery_undo',
      'reserveDrone_undo',
      'upsertPackage_undo',
      'holdQuota_undo',
    ]);
  });

  test('without a way back is tried until it succeeds, whatever it says; an operator is told once', async () => {
    answer('settleQuota', fail('not_found'), fail('not_found'), fail('internal', { retryable: true }));
    await told(flies());
    expect(times('settleQuota')).toBe(4);
    expect(calls.filter(({ name }) => name === 'tellOperator').map(({ args }) => args)).toMatchObject([
      { kind: 'Overdue', step: 'settleQuota' },
    ]);
    expect(outcome?.kind).toBe('completed');
  });

  test('of a story that no longer counts ends it without a word', async () => {
    answer('createDelivery', fail('superseded'));
    const { ended } = await told();
    expect(ended).toBe(true);
    expect(steps().at(-1)).toBe('createDelivery');
    expect(outcome).toBeUndefined();
  });
});

describe('undoing', () => {
  const cancelled = () => happened('cancel');

  test('goes on past what is stuck; an operator is told, and it is tried until it succeeds', async () => {
    answer('upsertPackage_undo', fail('conflict'), fail('conflict'));
    answer('reserveDrone', fail('internal'));
    await told();
    expect(steps()).toEqual([
      'accept',
      'holdQuota',
      'upsertPackage',
      'reserveDrone',
      'effects',
      'reserveDrone_undo',
      'upsertPackage_undo',
      'holdQuota_undo',
      'tellOperator',
      'upsertPackage_undo',
      'upsertPackage_undo',
      'archive',
      'finish',
    ]);
    expect(notes()).toEqual([{ state: 'CompensationFailed' }, { state: 'CompensationFailed' }]);
    expect((clock.now.getTime() - BEGIN.getTime()) / 1000).toBe(120);
  });

  test('is tried at once when somebody nudges', async () => {
    answer('upsertPackage_undo', fail('conflict'));
    answer('reserveDrone', fail('internal'));
    await told([after(5, () => undefined)]);
    expect((clock.now.getTime() - BEGIN.getTime()) / 1000).toBe(5);
  });

  test('that another run began ends as that one said', async () => {
    ending = { kind: 'cancelled', reasons: ['cancelled by the customer'], at: BEGIN.toISOString() };
    effects = new Set(['holdQuota', 'reserveDrone']);
    const input = { deliveryId: 'd1', generation: 1, limits: LIMITS };
    await play(
      (context) => undoAndEnd(tell(context, input), unknownEnding(BEGIN)),
      { activities, clock },
      running,
    );
    expect(steps()).toEqual(['effects', 'reserveDrone_undo', 'holdQuota_undo', 'archive', 'finish']);
    expect(outcome?.kind).toBe('cancelled');
  });

  test('after a cancel undoes everything, the mission first', async () => {
    answer('dispatchDrone', () => (cancelled(), null));
    await told([after(1, () => flight('MissionAccepted')), after(3, () => flight('Recalled'))]);
    expect(steps().filter((name) => name.endsWith('_undo'))).toEqual(
      UNDONE.filter((name) => name !== 'bookCarrier_undo'),
    );
  });
});

describe('a cancel', () => {
  const cancel = (at: number) => after(at, () => happened('cancel'));

  test('that overtakes its request ends it before any drone is asked', async () => {
    happened('cancel');
    await told();
    expect(steps()).not.toContain('reserveDrone');
    expect(outcome?.kind).toBe('cancelled');
  });

  test('before the mission is answered waits for the answer, and is settled by the drone', async () => {
    await told([cancel(1), after(2, () => flight('MissionAccepted')), after(4, () => flight('Recalled'))]);
    expect(outcome?.kind).toBe('cancelled');
    expect(times('recallDrone')).toBe(1);
  });

  test('while the mission is refused needs no recall', async () => {
    await told([cancel(1), after(2, () => flight('MissionRefused'))]);
    expect(outcome?.kind).toBe('cancelled');
    expect(times('recallDrone')).toBe(0);
  });

  test.each(['Recalled', 'Returned', 'Aborted'])(
    'in the air before the pickup is granted when the drone answers %s',
    async (kind) => {
      await told([...flies().slice(0, 2), cancel(20), after(25, () => flight(kind))]);
      expect(outcome?.kind).toBe('cancelled');
      expect(notes()).toEqual([{ cancel: 'requested' }]);
      expect(steps()).toContain('dispatchDrone_undo');
    },
  );

  test.each([
    ['says that it is loaded', [after(79, () => flight('RecallRefused')), ...flies().slice(3)]],
    ['has just picked up', flies().slice(3)],
  ])('is refused when the drone %s, and the delivery goes on', async (_, rest) => {
    await told([...flies().slice(0, 3), cancel(75), ...rest]);
    expect(notes()).toEqual([{ cancel: 'requested' }, { cancel: 'cancelRefused' }]);
    expect(outcome?.kind).toBe('completed');
    expect(moves()).toEqual(['HeadedToPickup', 'HeadedToDropoff', 'Completed']);
  });

  test('that the drone does not answer is granted after three questions, and an operator is told', async () => {
    await told([...flies().slice(0, 2), cancel(20)]);
    expect(times('recallDrone')).toBe(3);
    expect(times('tellOperator')).toBe(1);
    expect(outcome?.kind).toBe('cancelled');
  });

  test('after the pickup, or while the proof is awaited, is refused', async () => {
    answer('checkProof', { proven: false }, { proven: false });
    await told([
      ...flies(),
      cancel(100),
      after(210, () => happened('cancel')),
      after(220, () => happened('Confirmed')),
    ]);
    expect(notes()).toEqual([{ cancel: 'cancelRefused' }, { cancel: 'cancelRefused' }]);
    expect(times('recallDrone')).toBe(0);
    expect(outcome?.kind).toBe('completed');
  });
});

describe('a reschedule', () => {
  const wish = { dropoff: { latitude: 1, longitude: 1, altitude: 0 } };
  const reschedule = (at: number) => after(at, () => happened('reschedule', wish));
  const replans = () => calls.filter(({ name }) => name === 'replan').map(({ args }) => args);

  test('before a drone is asked for changes the wishes', async () => {
    happened('reschedule', wish);
    await told(flies(2));
    expect(replans()).toEqual([{ request: wish, reschedule: 'rescheduled' }]);
    expect(times('reserveDrone')).toBe(1);
    expect(outcome?.kind).toBe('completed');
  });

  test('in the air calls the drone back and plans anew, with any drone', async () => {
    await told([
      ...flies().slice(0, 2),
      reschedule(20),
      after(25, () => flight('Recalled')),
      ...flies(2, 30),
    ]);
    expect(replans()).toEqual([{ request: wish, reschedule: 'rescheduled' }]);
    expect(times('reserveDrone')).toBe(2);
    expect(times('createDelivery')).toBe(2);
    expect(outcome?.kind).toBe('completed');
  });

  test.each([75, 100])('is refused once the drone is loaded (after %i s)', async (at) => {
    await told([...flies().slice(0, 3), reschedule(at), ...flies().slice(3)]);
    expect(notes().at(-1)).toEqual({ reschedule: 'rescheduleRefused' });
    expect(replans()).toEqual([]);
    expect(outcome?.kind).toBe('completed');
  });
});

describe('a drone', () => {
  const excluded = () =>
    calls.filter(({ name }) => name === 'replan').map(({ args }) => (args as { exclude: string }).exclude);

  test('that refuses is replaced by the next', async () => {
    await told([after(1, () => flight('MissionRefused')), ...flies(2, 10)]);
    expect(excluded()).toEqual(['drone-1']);
    expect(times('recallDrone')).toBe(0);
    expect(outcome?.kind).toBe('completed');
  });

  test('that is silent is called back, and replaced', async () => {
    await told([after(25, () => flight('Recalled')), ...flies(2, 40)]);
    expect(times('recallDrone')).toBe(1);
    expect(excluded()).toEqual(['drone-1']);
    expect(outcome?.kind).toBe('completed');
  });

  test.each(['dispatchDrone', 'confirmMission'])(
    'whose reservation ran out before %s is replaced',
    async (step) => {
      answer(step, fail('stale'));
      await told([after(1, () => flight('MissionAccepted')), ...flies(2, 10)]);
      expect(excluded()).toEqual(['drone-1']);
      expect(outcome?.kind).toBe('completed');
    },
  );

  test.each(['Aborted', 'Returned'])('that is lost before the pickup (%s) is replaced', async (kind) => {
    await told([...flies().slice(0, 2), after(20, () => flight(kind)), ...flies(2, 30)]);
    expect(excluded()).toEqual(['drone-1']);
    expect(outcome?.kind).toBe('completed');
  });

  test.each(['LowBattery', 'LinkLost'])(
    'that reports %s before the pickup is called back, and replaced',
    async (kind) => {
      await told([
        ...flies().slice(0, 2),
        after(20, () => flight(kind)),
        after(22, () => flight('Recalled')),
        ...flies(2, 30),
      ]);
      expect(excluded()).toEqual(['drone-1']);
      expect(outcome?.kind).toBe('completed');
    },
  );

  test('that does not pick up in time is called back, and replaced; if it is loaded it goes on', async () => {
    const late = 300 + 600 + 5;
    await told([...flies().slice(0, 2), after(late, () => flight('Recalled')), ...flies(2, late)]);
    expect(excluded()).toEqual(['drone-1']);
    expect(outcome?.kind).toBe('completed');
    calls = [];
    inbox = [];
    clock = { now: new Date(BEGIN) };
    const loaded = [after(late, () => flight('RecallRefused')), after(late + 300, () => flight('PickedUp'))];
    await told([...flies().slice(0, 2), ...loaded, after(late + 400, () => flight('Delivered'))]);
    expect(times('recallDrone')).toBe(1);
    expect(outcome?.kind).toBe('completed');
  });

  test('that is one too many gives way to a carrier, and is given back before', async () => {
    const refusals = [1, 2, 3].map((generation) =>
      after(generation * 2, () => flight('MissionRefused', generation)),
    );
    await told([
      ...refusals,
      after(100, () => happened('CarrierCollected')),
      after(200, () => happened('CarrierDelivered')),
    ]);
    expect(times('reserveDrone')).toBe(3);
    expect(steps().indexOf('releaseDrone')).toBeLessThan(steps().indexOf('bookCarrier'));
    expect(outcome?.kind).toBe('completed');
  });

  test('says nothing by signals of an earlier mission', async () => {
    const old = ['PickedUp', 'Delivered', 'Aborted'].map((kind) => after(12, () => flight(kind, 1)));
    await told([after(1, () => flight('MissionRefused')), ...old, ...flies(2, 10)]);
    expect(moves()).toEqual(['HeadedToPickup', 'HeadedToDropoff', 'Completed']);
    expect(times('replan')).toBe(1);
  });

  test('that aborts with the package brings it back: returned, the quota is free, nothing is undone', async () => {
    const twice = [100, 110].map((at) => after(at, () => flight('Aborted')));
    await told([
      ...flies().slice(0, 4),
      ...twice,
      after(150, () => flight('Returned', 1, { reason: 'rotor' })),
    ]);
    expect(moves()).toEqual(['HeadedToPickup', 'HeadedToDropoff', 'Returning', 'Failed']);
    expect(outcome).toMatchObject({ kind: 'returned', reasons: [expect.stringContaining('rotor')] });
    expect(steps().slice(-5)).toEqual(['moveStage', 'releaseDrone', 'holdQuota_undo', 'archive', 'finish']);
  });

  test('that brought it back ends when its quota is free, not before', async () => {
    answer('holdQuota_undo', fail('conflict'), fail('conflict'));
    await told([...flies().slice(0, 4), after(150, () => flight('Returned'))]);
    expect(times('holdQuota_undo')).toBe(3);
    expect(times('tellOperator')).toBe(1);
    expect(steps().at(-1)).toBe('finish');
  });

  test('that is overdue with the package is told to an operator, once, and may still arrive', async () => {
    await told([...flies().slice(0, 4), after(9000, () => flight('Delivered'))]);
    expect(times('tellOperator')).toBe(1);
    expect(outcome?.kind).toBe('completed');
  });
});

describe('a proof', () => {
  test('that does not come is told to an operator, and the delivery ends', async () => {
    answer('checkProof', ...Array(5).fill({ proven: false }));
    await told(flies());
    expect(calls.find(({ name }) => name === 'tellOperator')?.args).toMatchObject({ kind: 'ProofMissing' });
    expect(outcome?.kind).toBe('completed');
  });
});

describe('a carrier', () => {
  const drive = [
    after(100, () => happened('CarrierCollected')),
    after(200, () => happened('CarrierDelivered')),
  ];
  beforeEach(() => {
    answer('reserveDrone', fail('no_feasible_drone'));
  });

  test('serves where no drone can', async () => {
    await told(drive);
    expect(moves()).toEqual(['HeadedToPickup', 'HeadedToDropoff', 'Completed']);
    expect(steps()).not.toContain('dispatchDrone');
    expect(outcome?.kind).toBe('completed');
  });

  test('is cancelled before it has collected', async () => {
    await told([after(50, () => happened('cancel'))]);
    expect(outcome?.kind).toBe('cancelled');
    expect(steps()).toContain('bookCarrier_undo');
  });

  test('that says that it has collected already goes on, and the cancel is refused', async () => {
    answer('cancelCarrier', { cancelled: false });
    await told([after(50, () => happened('cancel')), ...drive]);
    expect(notes()).toEqual([{ cancel: 'requested' }, { cancel: 'cancelRefused' }]);
    expect(outcome?.kind).toBe('completed');
  });

  test('is neither cancelled nor rescheduled once it has collected', async () => {
    await told([...drive, after(150, () => happened('cancel')), after(160, () => happened('reschedule'))]);
    expect(notes()).toContainEqual({ cancel: 'cancelRefused' });
    expect(notes()).toContainEqual({ reschedule: 'rescheduleRefused' });
    expect(times('cancelCarrier')).toBe(0);
    expect(outcome?.kind).toBe('completed');
  });

  test('that fails ends it as failed, with its reason', async () => {
    await told([after(50, () => happened('CarrierFailed', { reason: 'flat tyre' }))]);
    expect(outcome).toMatchObject({ kind: 'failed', reasons: ['van could not deliver: flat tyre'] });
  });

  test('that is overdue is told to an operator, once', async () => {
    await told([
      after(20_000, () => happened('CarrierCollected')),
      after(21_000, () => happened('CarrierDelivered')),
    ]);
    expect(times('tellOperator')).toBe(1);
    expect(outcome?.kind).toBe('completed');
  });
});

describe('a story that is told anew, because the engine has lost it', () => {
  const settled = (kind: string, generation = 1) => {
    flight(kind, generation);
    const last = inbox.at(-1);
    if (last) last.handled = true;
  };
  beforeEach(() => {
    answer('accept', { accepted: true, underWay: 'drone' });
  });

  test('hears all again, in order, and goes on where it was', async () => {
    for (const kind of ['MissionAccepted', 'TookOff', 'PickedUp']) settled(kind);
    flight('Delivered');
    await told();
    expect(times('recallDrone')).toBe(0);
    expect(moves()).toEqual(['HeadedToPickup', 'HeadedToDropoff', 'Completed']);
    expect(outcome?.kind).toBe('completed');
  });

  test('leaves a cancel to the drone that is under way', async () => {
    for (const kind of ['MissionAccepted', 'TookOff']) settled(kind);
    happened('cancel');
    settled('PickedUp');
    flight('Delivered');
    await told();
    expect(notes().at(-1)).toEqual({ cancel: 'cancelRefused' });
    expect(outcome?.kind).toBe('completed');
  });

  test('asks no drone while a carrier is under way', async () => {
    answer('accept', { accepted: true, underWay: 'third-party' });
    happened('CarrierCollected');
    happened('CarrierDelivered');
    await told();
    expect(times('reserveDrone')).toBe(0);
    expect(outcome?.kind).toBe('completed');
  });
});

test('a wake that an earlier wait has swallowed costs a minute at most', async () => {
  const silentThenBusy = [after(22, () => flight('Recalled')), after(30, () => flight('MissionAccepted', 2))];
  answer('confirmMission', () => {
    flight('PickedUp', 2);
    running.wake?.();
    return null;
  });
  answer('inbox', undefined);
  await told([...silentThenBusy, after(500, () => flight('Delivered', 2))]);
  const pickedUp = calls.find(({ name }) => name === 'pickUp');
  expect(((pickedUp?.at.getTime() ?? 0) - BEGIN.getTime()) / 1000).toBeLessThanOrEqual(90);
  expect(outcome?.kind).toBe('completed');
});
