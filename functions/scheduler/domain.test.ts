import { describe, expect, test } from 'vitest';
import type { Delivery } from '../../shared/contracts/deliveries.ts';
import { customerOutcome } from '../../shared/outcome.ts';
import type { Received } from '../../shared/saga/inbox.ts';
import {
  assignmentOf,
  carrierOf,
  changedRequest,
  droneOf,
  finalAnswers,
  historyEntry,
  isPastPivot,
  reasonsOf,
  retoldSignals,
  underWay,
  viewOf,
} from './domain.ts';
import type { Assignment, WorkflowDocument } from './schemas.ts';

const AT = '2026-11-23T12:00:00.000Z';
const eta = { at: AT, earliest: AT, latest: AT };
const pickup = { latitude: 47.6, longitude: -122.3, altitude: 0 };
const dropoff = { latitude: 47.61, longitude: -122.31, altitude: 0 };
const owner = { userId: 'ann', accountId: 'contoso' };
const request: WorkflowDocument['request'] = {
  deliveryId: 'd1',
  owner,
  pickup,
  dropoff,
  expedited: false,
  confirmationRequired: 'Picture',
  package: { id: 'p1', size: 'Small', weight: 1.5, tag: 'fragile' },
  acceptedAt: AT,
};
type Effects = WorkflowDocument['effects'];
const effect = (value: unknown, status = 'done') =>
  ({ status, generation: 1, value }) as unknown as Effects[string];
const workflow = (change: Partial<WorkflowDocument> = {}): WorkflowDocument =>
  ({
    id: 'workflow',
    type: 'workflow',
    deliveryId: 'd1',
    request,
    excluded: [],
    state: 'Processing',
    step: 'reserveDrone',
    attempts: 2,
    generation: 3,
    effects: {},
    mail: 0,
    handled: [],
    createdAt: AT,
    updatedAt: AT,
    ...(change as object),
  }) as WorkflowDocument;
const byDrone: Assignment = {
  by: 'drone',
  droneId: 'drone-1',
  missionId: 'm1',
  fence: 7,
  pickupEta: eta,
  deliveryEta: eta,
};
const byCarrier: Assignment = {
  by: 'third-party',
  carrierId: 'van',
  bookingId: 'b1',
  pickupEta: eta,
  deliveryEta: eta,
};

describe('the carrier of a workflow', () => {
  test('is the booked one once the booking is done, else the reserved drone', () => {
    const reserved = { reserveDrone: effect(byDrone) };
    expect(carrierOf(workflow())).toBeUndefined();
    expect(carrierOf(workflow({ effects: reserved }))).toBe(byDrone);
    const booking = (status: string) =>
      workflow({ effects: { ...reserved, bookCarrier: effect(byCarrier, status) } });
    expect(carrierOf(booking('done'))).toBe(byCarrier);
    expect(carrierOf(booking('intended'))).toBe(byDrone);
    expect(droneOf(booking('done'))).toBe(byDrone);
    expect(droneOf(workflow())).toBeUndefined();
  });

  test('that is needed before there is one is a conflict', () => {
    expect(assignmentOf(workflow({ effects: { reserveDrone: effect(byDrone) } }))).toBe(byDrone);
    expect(() => assignmentOf(workflow())).toThrow(
      expect.objectContaining({ code: 'conflict', message: 'neither a drone nor a carrier is assigned yet' }),
    );
  });
});

test('a drone or a carrier is under way that this generation has sent, or may have', () => {
  const of = (generation: number) => ({ ...effect(undefined, 'intended'), generation }) as Effects[string];
  expect(underWay(workflow({ generation: 2 }))).toBeNull();
  expect(
    underWay(workflow({ generation: 2, effects: { dispatchDrone: of(1), bookCarrier: of(1) } })),
  ).toBeNull();
  expect(underWay(workflow({ generation: 2, effects: { dispatchDrone: of(2) } }))).toBe('drone');
  expect(underWay(workflow({ generation: 2, effects: { dispatchDrone: of(2), bookCarrier: of(2) } }))).toBe(
    'third-party',
  );
});

test('the pivot has passed as soon as it may have been recorded, and by no other step', () => {
  const others = { holdQuota: effect(1), dispatchDrone: effect(1), createDelivery: effect(1) };
  expect(isPastPivot(workflow({ effects: others }))).toBe(false);
  for (const status of ['intended', 'done'])
    expect(isPastPivot(workflow({ effects: { ...others, pickUp: effect(undefined, status) } }))).toBe(true);
});

describe('a view', () => {
  const empty = {
    deliveryId: 'd1',
    owner,
    state: 'Processing',
    step: 'reserveDrone',
    attempts: 2,
    generation: 3,
    pastPivot: false,
    deliveryCreated: false,
    updatedAt: AT,
    plan: { pickup, dropoff },
    audit: [],
  };

  test('of a workflow that has only begun names no carrier, no answer and no end', () => {
    expect(viewOf(workflow())).toStrictEqual(empty);
  });

  test('has all that is known', () => {
    const act = { by: 'olga', action: 'nudge', at: AT } as unknown as NonNullable<
      WorkflowDocument['audit']
    >[number];
    const outcome = { kind: 'failed' as const, reasons: ['storm'], at: AT };
    const document = workflow({
      request: { ...request, pickupTime: AT, deadline: AT },
      effects: {
        reserveDrone: effect(byDrone),
        createDelivery: effect(undefined),
        pickUp: effect(undefined),
      },
      completeBy: AT,
      cancel: 'cancelRefused',
      reschedule: 'rescheduled',
      outcome,
      lastError: 'archive: no',
      audit: [act],
    });
    expect(viewOf(document)).toStrictEqual({
      ...empty,
      pastPivot: true,
      deliveryCreated: true,
      completeBy: AT,
      carrier: 'drone',
      pickupEta: eta,
      deliveryEta: eta,
      droneId: 'drone-1',
      fence: 7,
      cancel: 'cancelRefused',
      reschedule: 'rescheduled',
      outcome,
      lastError: 'archive: no',
      plan: { pickup, dropoff, pickupTime: AT, deadline: AT },
      audit: [act],
    });
  });

  test('of a delivery with a carrier names the carrier', () => {
    expect(viewOf(workflow({ effects: { bookCarrier: effect(byCarrier) } }))).toStrictEqual({
      ...empty,
      carrier: 'third-party',
      pickupEta: eta,
      deliveryEta: eta,
      carrierId: 'van',
    });
  });

  test.each([
    ['intended', false],
    ['done', true],
    ['compensated', true],
  ])('of a delivery whose creation is %s: created is %s', (status, deliveryCreated) => {
    const effects = { createDelivery: effect(undefined, status) };
    expect(viewOf(workflow({ effects }))).toMatchObject({ deliveryCreated });
  });
});

describe('a history entry', () => {
  const delivery = { stage: 'Completed', confirmed: true } as Delivery;
  const finished = {
    state: workflow(),
    delivery,
    events: [{ sequence: 1, stage: 'Created' as const, at: AT }],
    outcome: { kind: 'completed' as const, reasons: ['an internal text'], at: '2026-11-23T13:00:00.000Z' },
    distance: 1_234.5,
  };

  test('has the request, the customer’s outcome and whole metres, and no tag', () => {
    expect(historyEntry(finished)).toStrictEqual({
      deliveryId: 'd1',
      owner,
      stage: 'Completed',
      outcome: customerOutcome(finished.outcome),
      pickup,
      dropoff,
      package: { id: 'p1', weight: 1.5, size: 'Small' },
      confirmationRequired: 'Picture',
      confirmed: true,
      distance: 1_235,
      requestedAt: AT,
      endedAt: '2026-11-23T13:00:00.000Z',
      events: finished.events,
    });
  });

  test('has none of the operators’ reasons', () => {
    expect(JSON.stringify(historyEntry(finished))).not.toContain('an internal text');
  });

  test('names the drone and the carrier where the delivery has one', () => {
    const named = { ...delivery, droneId: 'drone-1', carrierId: 'van' };
    expect(historyEntry({ ...finished, delivery: named })).toMatchObject({
      droneId: 'drone-1',
      carrierId: 'van',
    });
  });
});

describe('the reasons of a refusal', () => {
  test('are groups of drones and the carriers’ own words', () => {
    const facts = {
      refusals: [
        { code: 'too_heavy', count: 3 },
        { code: 'accepts_no_missions', count: 1 },
      ],
      reasons: [
        { carrierId: 'van', reasons: ['weight 60 kg exceeds 25 kg', 'closed'] },
        { carrierId: 'bike' },
      ],
    };
    expect(reasonsOf(facts, 'no')).toEqual([
      '3 drones: too heavy',
      '1 drone: accepts no missions',
      'van: weight 60 kg exceeds 25 kg; closed',
      'bike: ',
    ]);
    expect(reasonsOf({ reasons: [{ reasons: ['full'] }] }, 'no')).toEqual([': full']);
  });

  test('are the error’s text where there are no facts', () => {
    for (const facts of [undefined, {}, { refusals: [], reasons: [] }])
      expect(reasonsOf(facts, 'no drone')).toEqual(['no drone']);
  });
});

test('a change replaces the fields that it names', () => {
  expect(changedRequest(request)).toStrictEqual(request);
  expect(changedRequest(request, {})).toStrictEqual(request);
  for (const change of [{ pickup: dropoff }, { dropoff: pickup }, { pickupTime: AT }, { deadline: AT }])
    expect(changedRequest(request, change)).toStrictEqual({ ...request, ...change });
});

describe('an orchestration with an empty memory', () => {
  const signal = (eventId: string, kind: string, handled: boolean) =>
    ({ eventId, kind, handled }) as unknown as Received;
  const retold = (all: Received[], state?: Parameters<typeof retoldSignals>[1]) =>
    retoldSignals(all, state).map(({ eventId }) => eventId);

  test('is told every flight event, handled or not', () => {
    const all = [signal('a', 'PickedUp', true), signal('b', 'Delivered', false)];
    expect(retold(all)).toEqual(['a', 'b']);
  });

  test('is told a change that was not handled, and a handled one only while it has no answer', () => {
    for (const kind of ['cancel', 'reschedule'] as const) {
      const [open, handled] = [[signal('x', kind, false)], [signal('x', kind, true)]];
      expect(retold(open)).toEqual(['x']);
      expect(retold(handled)).toEqual([]);
      expect(retold(handled, { [kind]: 'requested' })).toEqual(['x']);
    }
    expect(retold([signal('x', 'cancel', true)], { cancel: 'cancelRefused' })).toEqual([]);
    expect(retold([signal('x', 'reschedule', true)], { reschedule: 'rescheduled' })).toEqual([]);
    expect(retold([signal('x', 'reschedule', true)], { cancel: 'requested' })).toEqual([]);
  });

  test('of several handled reschedules is told the last', () => {
    const all = [
      signal('r1', 'reschedule', true),
      signal('c1', 'cancel', true),
      signal('r2', 'reschedule', true),
      signal('e', 'PickedUp', true),
      signal('r3', 'reschedule', false),
    ];
    expect(retold(all, { reschedule: 'requested' })).toEqual(['r2', 'e', 'r3']);
  });
});

test('open changes are answered by the end: a cancel is granted by a cancelled delivery only', () => {
  const outcome = (kind: 'cancelled' | 'completed') => ({ kind, reasons: [], at: AT });
  expect(finalAnswers(workflow(), outcome('cancelled'))).toStrictEqual({});
  const settled = workflow({ cancel: 'cancelRefused', reschedule: 'rescheduled' });
  expect(finalAnswers(settled, outcome('cancelled'))).toStrictEqual({});
  const open = workflow({ cancel: 'requested', reschedule: 'requested' });
  expect(finalAnswers(open, outcome('cancelled'))).toStrictEqual({
    cancel: 'cancelled',
    reschedule: 'rescheduleRefused',
  });
  expect(finalAnswers(open, outcome('completed'))).toStrictEqual({
    cancel: 'cancelRefused',
    reschedule: 'rescheduleRefused',
  });
});
