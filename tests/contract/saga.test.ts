/** Every journey of a delivery, with every activity as the last of its process, and every message twice. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deliverySaga } from '../../functions/scheduler/delivery-saga.ts';
import type { WorkflowDocument } from '../../functions/scheduler/schemas.ts';
import { releaseQuota } from '../../shared/contracts/accounts.ts';
import { getDelivery, getDeliveryStatus } from '../../shared/contracts/deliveries.ts';
import { searchHistory } from '../../shared/contracts/history.ts';
import * as requests from '../../shared/contracts/requests.ts';
import { getWorkflow } from '../../shared/contracts/workflows.ts';
import { compensatedSteps, stepNames } from '../../shared/saga/define-saga.ts';
import type { StepInput, StepResult } from '../../shared/saga/protocol.ts';
import { customer, operator, service } from '../harness/service.ts';
import {
  DROPOFF,
  type Journey,
  type JourneyEvent,
  NEW_DROPOFF,
  startWorld,
  type World,
} from './saga.fixture.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
beforeEach(() => world.engine.instances.clear());
afterAll(() => world[Symbol.asyncDispose]());

/** For a test that plays a journey many times, on a busy machine. */
const PATIENCE_MS = 600_000;

const NOTHING_HELD = { held: 0, reserved: 0, inSequence: true };
const flies = (generation = 1, from = 0): JourneyEvent[] => [
  { at: from + 1, kind: 'MissionAccepted', generation },
  { at: from + 5, kind: 'TookOff', generation },
  { at: from + 60, kind: 'PickedUp', generation },
  { at: from + 120, kind: 'Delivered', generation },
];
const IN_THE_AIR = flies().slice(0, 2);
const DELIVERED = {
  ...NOTHING_HELD,
  outcome: 'completed',
  stages: ['Created', 'HeadedToPickup', 'HeadedToDropoff', 'Completed'],
  history: ['Completed'],
  packageThere: true,
  commands: ['Mission'],
  dropoff: DROPOFF,
};
const BY_CARRIER = { weight: 20, carrierServes: true };
const ROUND_TRIP: JourneyEvent[] = [
  ...flies().slice(0, 3),
  { at: 80, kind: 'Aborted' },
  { at: 140, kind: 'Returned' },
];

const JOURNEYS: readonly Journey[] = [
  { name: 'delivered', everyActivity: true, events: flies(), leaves: DELIVERED },
  {
    name: 'cancelled in the air',
    events: [...IN_THE_AIR, { at: 20, kind: 'cancel' }, { at: 25, kind: 'Recalled' }],
    leaves: {
      ...NOTHING_HELD,
      outcome: 'cancelled',
      stages: ['Created', 'HeadedToPickup', 'Cancelled'],
      history: ['Cancelled'],
      packageThere: false,
      commands: ['Mission', 'Recall'],
      workflow: { cancel: 'cancelled' },
    },
  },
  {
    name: 'delivered after a cancel that the loaded drone refuses',
    events: [
      ...IN_THE_AIR,
      { at: 20, kind: 'cancel' },
      { at: 25, kind: 'RecallRefused' },
      ...flies().slice(2),
    ],
    leaves: { ...DELIVERED, commands: ['Mission', 'Recall'], workflow: { cancel: 'cancelRefused' } },
  },
  {
    name: 'delivered by the second drone',
    events: [{ at: 1, kind: 'MissionRefused' }, ...flies(2, 10)],
    leaves: { ...DELIVERED, commands: ['Mission', 'Mission'], workflow: { generation: 2 } },
  },
  {
    name: 'delivered by a carrier, because no drone answers',
    events: [
      { at: 350, kind: 'Collected' },
      { at: 450, kind: 'CarrierDelivered' },
    ],
    leaves: {
      ...NOTHING_HELD,
      outcome: 'completed',
      history: ['Completed'],
      booking: 'Delivered',
    },
  },
  {
    name: 'rescheduled in the air',
    events: [...IN_THE_AIR, { at: 20, kind: 'reschedule' }, { at: 25, kind: 'Recalled' }, ...flies(2, 40)],
    leaves: {
      ...DELIVERED,
      stages: ['Created', 'HeadedToPickup', 'Rescheduled', ...DELIVERED.stages.slice(1)],
      commands: ['Mission', 'Recall', 'Mission'],
      dropoff: NEW_DROPOFF,
      workflow: { reschedule: 'rescheduled', generation: 2 },
    },
  },
  {
    name: 'returned by the drone',
    everyActivity: true,
    events: ROUND_TRIP,
    leaves: {
      ...NOTHING_HELD,
      outcome: 'returned',
      stages: ['Created', 'HeadedToPickup', 'HeadedToDropoff', 'Returning', 'Failed'],
      history: ['Failed'],
      packageThere: true,
    },
  },
  {
    name: 'rejected, because no drone and no carrier can serve',
    weight: 60,
    carrierServes: false,
    events: [],
    leaves: {
      ...NOTHING_HELD,
      outcome: 'rejected',
      stages: [],
      history: [],
      packageThere: false,
      commands: [],
    },
  },
  {
    name: 'delivered by a carrier',
    ...BY_CARRIER,
    events: [
      { at: 50, kind: 'Departed' },
      { at: 100, kind: 'Collected' },
      { at: 200, kind: 'CarrierDelivered' },
    ],
    leaves: {
      ...NOTHING_HELD,
      outcome: 'completed',
      stages: ['Created', 'HeadedToPickup', 'HeadedToDropoff', 'Completed'],
      history: ['Completed'],
      booking: 'Delivered',
    },
  },
  {
    name: 'cancelled before the carrier collects',
    everyActivity: true,
    ...BY_CARRIER,
    events: [{ at: 50, kind: 'cancel' }],
    leaves: { ...NOTHING_HELD, outcome: 'cancelled', history: ['Cancelled'], booking: 'Cancelled' },
  },
  {
    name: 'failed by the carrier',
    ...BY_CARRIER,
    events: [{ at: 50, kind: 'CarrierFailed' }],
    leaves: { ...NOTHING_HELD, outcome: 'failed', history: ['Failed'] },
  },
];

/** Activities of the undisturbed journeys, by journey. */
const seen = new Map<string, readonly string[]>();

describe.each(JOURNEYS)('a delivery that is $name', (journey) => {
  const expectLeft = async (deliveryId: string, failures: object) =>
    expect({ failures, ...(await world.leftOf(deliveryId)) }).toMatchObject({ failures, ...journey.leaves });

  test('leaves its traces, and holds nothing', async () => {
    const { deliveryId, ended, activities } = await world.travel(journey);
    seen.set(journey.name, activities);
    expect(ended).toBe(true);
    await expectLeft(deliveryId, {});
  });

  test('leaves the same when every message comes twice', async () => {
    const { deliveryId } = await world.travel(journey, { twice: true });
    await expectLeft(deliveryId, { twice: true });
  });

  test(
    `leaves the same, whichever${journey.everyActivity ? '' : ' second'} activity is the last of its process, with or without its effect (J1, J7)`,
    async () => {
      const activities = seen.get(journey.name) ?? [];
      // Reading the inbox has no effect: a death in it is the same as one after the activity before.
      const lasts = activities.flatMap((name, index) => (name === 'inbox' ? [] : [index + 1]));
      expect(lasts.length).toBeGreaterThan(4);
      for (const [index, last] of lasts.slice(0, -1).entries()) {
        if (!journey.everyActivity && index % 2 === 1) continue;
        const failures = index % 4 < 2 ? { diesIn: last } : { diesAfter: last };
        const { deliveryId } = await world.travel(journey, failures);
        await expectLeft(deliveryId, failures);
      }
    },
    PATIENCE_MS,
  );
});

test('every step of the table, and every compensation, is in a journey', () => {
  const all = new Set([...seen.values()].flat().flatMap((name) => name.split('+')));
  const needed = [
    ...stepNames(deliverySaga),
    ...compensatedSteps(deliverySaga).map((name) => `${name}_compensate`),
  ];
  expect(needed.filter((name) => !all.has(name))).toEqual([]);
});

test('compensations run in the reverse order of the table', () => {
  const compensations = (seen.get('cancelled in the air') ?? []).filter((name) =>
    name.endsWith('_compensate'),
  );
  expect(compensations).toEqual([
    'dispatchDrone_compensate',
    'createDelivery_compensate',
    'reserveDrone_compensate',
    'upsertPackage_compensate',
    'holdQuota_compensate',
  ]);
});

test('a rejection has the reasons of the drones and of each carrier', async () => {
  const { deliveryId } = await world.travel(JOURNEYS.find(({ weight }) => weight === 60) as Journey);
  const { workflow } = await world.leftOf(deliveryId);
  expect(workflow.outcome?.reasons).toEqual(['2 drones: too heavy', 'van: no van is free']);
});

describe('an activity of an older generation', () => {
  const second = JOURNEYS.find(({ name }) => name === 'delivered by the second drone') as Journey;
  /** Every step and compensation, as generation 1 would call it now. */
  const callsOf = (deliveryId: string, generation: number): [string, StepInput][] =>
    [
      ...stepNames(deliverySaga).map((name) => `scheduler_${name}`),
      ...compensatedSteps(deliverySaga).map((name) => `scheduler_${name}_compensate`),
    ].map((activity) => {
      const at = world.harness.clock.now.toISOString();
      const args = {
        eventId: 'late',
        event: 'Failed',
        at,
        kind: 'failed',
        reasons: [],
        reason: 'late',
        step: 'x',
        detail: 'x',
      };
      return [
        activity,
        { id: deliveryId, generation, attempt: 1, args, carried: [], handled: [], signals: 'new', mail: 0 },
      ];
    });
  const call = (activity: string, input: StepInput) =>
    world.activities[activity]?.(input) as Promise<StepResult>;

  test('is superseded and changes nothing, while the newer one flies and after the end (J2)', async () => {
    const replanned = (await world.travel(second)).activities.indexOf('replan') + 1;
    expect(replanned).toBeGreaterThan(1);
    const deliveryId = await world.ask();
    const refusal = { at: 1, run: () => world.messages.flight(deliveryId, 'MissionRefused') };
    await world.run(deliveryId, [refusal], { diesAfter: replanned + 2 });
    expect((await world.repository.find(deliveryId))?.generation).toBe(2);
    const before = await world.snapshot();
    for (const [activity, input] of callsOf(deliveryId, 1)) {
      expect([activity, await call(activity, input)]).toMatchObject([
        activity,
        { error: { code: 'superseded' } },
      ]);
    }
    expect(await world.snapshot()).toEqual(before);
    await world.compensate(deliveryId);
    await world.run(deliveryId, []);
    const ended = await world.snapshot();
    for (const [activity, input] of [...callsOf(deliveryId, 1), ...callsOf(deliveryId, 2)]) {
      expect([activity, await call(activity, input)]).toMatchObject([
        activity,
        { error: { code: 'superseded' } },
      ]);
    }
    expect(await world.snapshot()).toEqual(ended);
    expect(await world.leftOf(deliveryId)).toMatchObject({ ...NOTHING_HELD, outcome: 'failed' });
  });

  test('does not overwrite the effect of the newer one with a late result (J2)', async () => {
    const deliveryId = await world.ask();
    await world.run(deliveryId, [], { diesAfter: 1 });
    const { journal } = world.repository;
    const input = (generation: number, carried: StepInput['carried'] = []): StepInput => ({
      id: deliveryId,
      generation,
      attempt: 1,
      args: null,
      carried,
      handled: [],
      signals: 'new',
      mail: 0,
    });
    world.engine.instances.clear();
    await journal.set(input(9), { generation: 9 });
    await journal.begin(input(9), ['reserveDrone'], 'run');
    const old = { step: 'reserveDrone', kind: 'run', generation: 1, value: { droneId: 'old' } } as const;
    expect(await journal.begin(input(1, [old]), ['createDelivery'], 'run')).toEqual({ kind: 'superseded' });
    expect((await world.repository.find(deliveryId))?.effects['reserveDrone']).toMatchObject({
      generation: 9,
      status: 'intended',
    });
    await world.compensate(deliveryId);
    await world.run(deliveryId, []);
  });
});

describe('an operator who compensates a delivery', () => {
  const reason = 'the customer called: rude words';

  test('has it compensated by another orchestration, whichever activity was the last before, with or without its effect', async () => {
    const failures = BEFORE_FLIGHT.flatMap((_, index) => [{ diesIn: index + 1 }, { diesAfter: index + 1 }]);
    for (const failure of failures) {
      const deliveryId = await world.ask();
      await world.run(deliveryId, [], failure);
      expect((await world.compensate(deliveryId, reason)).status).toBe(202);
      expect([...world.engine.instances.keys()]).toEqual([`${deliveryId}~compensate`]);
      await world.run(deliveryId, []);
      expect({ failure, ...(await world.leftOf(deliveryId)) }).toMatchObject({
        failure,
        ...NOTHING_HELD,
        outcome: 'failed',
        packageThere: false,
        history:
          (failure.diesAfter ?? failure.diesIn - 1) > BEFORE_FLIGHT.indexOf('createDelivery')
            ? ['Failed']
            : [],
      });
    }
  });

  test('twice, and with nudges, has it compensated once; steps that come late have no effect', async () => {
    const deliveryId = await world.ask();
    const first = world.engine.instances.get(deliveryId);
    await world.run(deliveryId, [], { diesAfter: 2 });
    if (first) world.engine.instances.set(deliveryId, first);
    for (let time = 1; time <= 2; time++) {
      expect((await world.compensate(deliveryId, reason)).status).toBe(202);
      expect([...world.engine.instances.keys()]).toEqual([`${deliveryId}~compensate`]);
      await world.nudge(deliveryId);
      expect([...world.engine.instances.keys()]).toEqual([`${deliveryId}~compensate`]);
    }
    const before = await world.snapshot();
    for (const step of ['reserveDrone', 'bookCarrier', 'createDelivery', 'dispatchDrone', 'pickUp']) {
      const late = {
        id: deliveryId,
        generation: 1,
        attempt: 1,
        args: null,
        carried: [],
        handled: [],
        signals: 'new' as const,
        mail: 0,
      };
      expect(await world.activities[`scheduler_${step}`]?.(late)).toMatchObject({
        error: { code: 'superseded' },
      });
    }
    expect(await world.snapshot()).toEqual(before);
    await world.run(deliveryId, []);
    expect(await world.leftOf(deliveryId)).toMatchObject({ ...NOTHING_HELD, outcome: 'failed', history: [] });
    expect((await world.compensate(deliveryId, reason)).status).toBe(409);
  });

  test('is refused once the package is on board, and is told the alternatives (W1)', async () => {
    const events = flies().slice(0, 3);
    const { deliveryId } = await world.travel(JOURNEYS[0] as Journey, { diesAfter: 100 });
    expect(await world.compensate(deliveryId)).toMatchObject({ status: 409, body: { code: 'conflict' } });

    const flying = await world.ask();
    let reply: Awaited<ReturnType<World['compensate']>> | undefined;
    const scheduled = [...events, ...flies().slice(3)].map((event) => ({
      at: event.at,
      run: async () => {
        if (event.kind === 'Delivered') reply = await world.compensate(flying);
        await world.messages.happen(flying, event);
      },
    }));
    await world.run(flying, scheduled);
    expect(reply).toMatchObject({
      status: 409,
      body: {
        code: 'package_on_board',
        alternatives: expect.arrayContaining([expect.stringMatching(/nudge/)]),
      },
    });
    expect(await world.leftOf(flying)).toMatchObject(DELIVERED);
  });

  test('is audited, as a nudge is; customers do not read the reason (W11)', async () => {
    const deliveryId = await world.ask();
    await world.run(deliveryId, [], { diesAfter: 4 });
    await world.nudge(deliveryId);
    await world.compensate(deliveryId, reason);
    await world.run(deliveryId, []);
    const params = { deliveryId };
    const view = await world.harness.request(getWorkflow, { as: operator, params });
    const [nudged, compensated] = (view.body?.['audit'] ?? []) as object[];
    const before = { state: 'Processing', step: 'dispatchDrone', generation: 1 };
    expect(nudged).toMatchObject({ by: 'operator-1', action: 'nudge', before, after: before });
    expect(compensated).toMatchObject({
      by: 'operator-1',
      action: 'compensate',
      reason,
      before,
      after: { state: 'Compensating' },
    });
    const as = customer('contoso');
    const seen = await Promise.all([
      world.harness.request(requests.getRequest, { as, params }),
      world.harness.request(getDelivery, { as, params }),
      world.harness.request(searchHistory, { as, query: { ownerId: 'contoso' } }),
    ]);
    expect(seen.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(JSON.stringify(seen)).not.toMatch(/rude words|operator-1/);
    expect(JSON.stringify(seen[0])).toMatch(/Our staff stopped the delivery/);
  });
});

const BEFORE_FLIGHT = ['holdQuota+upsertPackage', 'reserveDrone', 'createDelivery', 'dispatchDrone'];

describe('the idempotency key of a step', () => {
  const journeyNamed = (name: RegExp) => JOURNEYS.find((journey) => name.test(journey.name)) as Journey;

  test('is in every call, the same for a repetition, and another for every other call (R2)', async () => {
    world.calls.length = 0;
    await world.travel(journeyNamed(/second drone/));
    const keys = world.calls.map(({ route, options }) => `${options.idempotencyKey} ${route.operation}`);
    expect(keys.filter((key) => key.startsWith('undefined'))).toEqual([]);
    expect(new Set(keys).size).toBe(keys.length);
    world.calls.length = 0;
    const { deliveryId } = await world.travel(JOURNEYS[0] as Journey, { runsTwice: 2 });
    const reservations = world.calls.filter(({ route }) => route.operation === 'reserveDrone');
    expect(reservations.map(({ options }) => options.idempotencyKey)).toEqual([
      `${deliveryId}:reserveDrone:1`,
      `${deliveryId}:reserveDrone:1`,
    ]);
  });

  test.each([
    ['holdQuota', { userId: 'user-2' }],
    ['putPackage', { weight: 2 }],
    ['reserveDrone', { weight: 2 }],
    ['putDelivery', { expedited: true }],
    ['bookCarrier', { weight: 21 }],
  ])(
    'is honoured by %s: a repetition changes nothing, another body is 422 (K1, K2)',
    async (operation, other) => {
      world.calls.length = 0;
      const deliveryId = await world.ask(operation === 'bookCarrier' ? BY_CARRIER : {});
      await world.run(deliveryId, [], { diesAfter: operation === 'bookCarrier' ? 4 : 3 });
      const made = world.calls.find(({ route }) => route.operation === operation);
      if (!made) throw new Error(`there was no call of ${operation}`);
      const { route, options } = made;
      const repeat = (more: object) =>
        world.harness.request(route, {
          as: service('contoso'),
          params: options.params as Record<string, string>,
          query: (options.query ?? {}) as Record<string, string>,
          headers: { 'idempotency-key': String(options.idempotencyKey) },
          body: { ...(options.body as object), ...more },
        });
      const before = await world.snapshot();
      expect((await repeat({})).status).toBeLessThan(300);
      expect(await repeat(other)).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
      expect(await world.snapshot()).toEqual(before);
      await world.compensate(deliveryId);
      await world.run(deliveryId, []);
      expect(await world.leftOf(deliveryId)).toMatchObject(NOTHING_HELD);
    },
  );
});

describe('what the customer reads', () => {
  const status = async (deliveryId: string) =>
    (await world.harness.request(requests.getRequest, { as: customer('contoso'), params: { deliveryId } }))
      .body;

  test('are the new places after a reschedule, in the status, too (W5)', async () => {
    const { deliveryId } = await world.travel(
      JOURNEYS.find(({ name }) => /rescheduled/.test(name)) as Journey,
    );
    expect(await status(deliveryId)).toMatchObject({
      reschedule: 'rescheduled',
      request: { dropOffLocation: NEW_DROPOFF },
    });
  });

  test('is no error while a carrier serves in place of a drone (W19)', async () => {
    const deliveryId = await world.ask(BY_CARRIER);
    await world.run(deliveryId, [
      {
        at: 50,
        run: async () => {
          expect(await status(deliveryId)).toMatchObject({ carrier: 'third-party' });
          expect(await status(deliveryId)).not.toHaveProperty('lastError');
          const view = await world.harness.request(getWorkflow, { as: operator, params: { deliveryId } });
          expect(view.body).not.toHaveProperty('lastError');
          await world.messages.happen(deliveryId, { at: 50, kind: 'Collected' });
        },
      },
      { at: 60, run: () => world.messages.happen(deliveryId, { at: 60, kind: 'CarrierDelivered' }) },
    ]);
  });

  test('is the dropoff as the last known location of a completed delivery (W25)', async () => {
    const { deliveryId } = await world.travel(JOURNEYS[0] as Journey);
    const reply = await world.harness.request(getDeliveryStatus, {
      as: customer('contoso'),
      params: { deliveryId },
    });
    expect(reply.body).toMatchObject({ stage: 'Completed', lastKnownLocation: DROPOFF });
  });

  test('has no share link unless the customer asks for one (W23)', async () => {
    const { deliveryId } = await world.travel(JOURNEYS[0] as Journey);
    const store = world.harness.database.store('deliveries');
    const sql = 'SELECT VALUE c.type FROM c';
    const { items } = await store.query<string>(sql, {}, { partitionKey: deliveryId });
    expect(items).toContain('delivery');
    expect(items).not.toContain('share');
  });
});

describe('messages', () => {
  test('of two outcomes at one moment one is written, with one event (J5)', async () => {
    const deliveryId = await world.ask();
    await world.run(deliveryId, [], { diesAfter: 1 });
    const at = world.harness.clock.now.toISOString();
    const kinds = ['rejected', 'rejected', 'cancelled', 'failed'] as const;
    await Promise.all(
      kinds.map((kind) => world.repository.finish(deliveryId, { kind, reasons: [kind], at })),
    );
    const kind = (await world.repository.find(deliveryId))?.outcome?.kind;
    expect(kinds).toContain(kind);
    const sql = "SELECT * FROM c WHERE c.type = 'event'";
    const { items } = await world.harness.database
      .store('workflows')
      .query(sql, {}, { partitionKey: deliveryId });
    expect(items).toHaveLength(kind === 'rejected' ? 1 : 0);
    for (const step of ['holdQuota', 'upsertPackage']) {
      const input = {
        id: deliveryId,
        generation: 1,
        attempt: 1,
        args: null,
        carried: [],
        handled: [],
        signals: 'new' as const,
        mail: 0,
      };
      expect(await world.activities[`scheduler_${step}_compensate`]?.(input)).toMatchObject({
        error: { code: 'superseded' },
      });
    }
    await releaseQuotaOf(deliveryId);
  });

  test('a request that was answered 503 ends as rejected, without any effect', async () => {
    const deliveryId = await world.ask();
    const { request } = (await world.repository.find(deliveryId)) as WorkflowDocument;
    world.engine.instances.clear();
    const abandoned = { ...request, deliveryId: 'abandoned' };
    const document = {
      id: 'abandoned',
      type: 'request',
      accountId: 'contoso',
      status: 'abandoned',
      request: abandoned,
    };
    await world.harness.database.store('requests').create(document);
    const message = { operation: 'delivery' as const, messageId: 'request-abandoned', request: abandoned };
    for (let time = 1; time <= 2; time++) await world.consumers.request(message, world.engine.client);
    expect(world.engine.instances.size).toBe(0);
    expect(await world.repository.find('abandoned')).toMatchObject({
      outcome: { kind: 'rejected', code: 'not_accepted' },
      effects: {},
    });
    await world.compensate(deliveryId);
    await world.run(deliveryId, []);
  });

  test('a request that comes again after the end begins nothing; a late cancel is refused', async () => {
    const { deliveryId } = await world.travel(JOURNEYS[0] as Journey);
    const { request } = (await world.repository.find(deliveryId)) as WorkflowDocument;
    const again = { operation: 'delivery' as const, messageId: `request-${deliveryId}`, request };
    await world.consumers.request(again, world.engine.client);
    expect(world.engine.instances.size).toBe(0);
    const late = { operation: 'cancel' as const, messageId: 'late', deliveryId, owner: request.owner };
    await world.consumers.request(
      { ...late, at: world.harness.clock.now.toISOString() },
      world.engine.client,
    );
    expect(await world.repository.find(deliveryId)).toMatchObject({
      cancel: 'cancelRefused',
      outcome: { kind: 'completed' },
    });
    await world.messages.flight(deliveryId, 'Returned');
    expect((await world.leftOf(deliveryId)).history).toEqual(['Completed']);
  });

  test('a cancel that overtakes its request still cancels it', async () => {
    const deliveryId = 'overtaken';
    const owner = { userId: 'user-1', accountId: 'contoso' };
    const early = { operation: 'cancel' as const, messageId: 'early', deliveryId, owner };
    await world.consumers.request(
      { ...early, at: world.harness.clock.now.toISOString() },
      world.engine.client,
    );
    const { request } = (await world.repository.find(await world.ask())) as WorkflowDocument;
    world.engine.instances.clear();
    const store = world.harness.database.store('requests');
    const document = { id: deliveryId, type: 'request', accountId: 'contoso', status: 'accepted', request };
    await store.create(document);
    const message = { operation: 'delivery' as const, messageId: 'r', request: { ...request, deliveryId } };
    await world.consumers.request(message, world.engine.client);
    await world.run(deliveryId, []);
    expect(await world.repository.find(deliveryId)).toMatchObject({
      outcome: { kind: 'cancelled' },
      cancel: 'cancelled',
    });
    expect(await world.leftOf(deliveryId)).toMatchObject({ ...NOTHING_HELD, stages: [], history: [] });
  });
});

test('a service acts for the account that it names', async () => {
  const deliveryId = await world.ask();
  const params = { deliveryId };
  const as = service;
  expect((await world.harness.request(requests.getRequest, { as: as('contoso'), params })).status).toBe(200);
  expect((await world.harness.request(requests.getRequest, { as: as('fabrikam'), params })).status).toBe(404);
});

/** For a workflow that a test has ended by hand. */
async function releaseQuotaOf(deliveryId: string): Promise<void> {
  const params = { accountId: 'contoso', deliveryId };
  await world.harness.request(releaseQuota, { as: service('contoso'), params, query: { settled: 'false' } });
}
