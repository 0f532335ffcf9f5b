/** The whole saga on the real services and the real Cosmos server, without an engine: every activity may be the last of its process. */
import type { DurableClient } from 'durable-functions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accountService } from '../../functions/account/account.functions.ts';
import { deliveryService } from '../../functions/delivery/delivery.functions.ts';
import { deliveryHistoryService } from '../../functions/delivery-history/delivery-history.functions.ts';
import { droneService } from '../../functions/drone/drone.functions.ts';
import { fleetOf, sample } from '../../functions/drone/fleet.fixture.ts';
import { ingestionService } from '../../functions/ingestion/ingestion.functions.ts';
import { packageService } from '../../functions/package/package.functions.ts';
import { createActivities } from '../../functions/scheduler/activities.ts';
import { type Consumers, createConsumers } from '../../functions/scheduler/consumers.ts';
import { deliver } from '../../functions/scheduler/deliver.ts';
import { COMPENSATOR, limitsOf } from '../../functions/scheduler/engine.ts';
import { type Happening, type Played, play } from '../../functions/scheduler/play.fixture.ts';
import { createWorkflowRepository } from '../../functions/scheduler/repository.ts';
import { schedulerService } from '../../functions/scheduler/scheduler.functions.ts';
import type { EngineCommand, WorkflowDocument } from '../../functions/scheduler/schemas.ts';
import { createSteps } from '../../functions/scheduler/steps.ts';
import { type TaleInput, tell, untilSuperseded } from '../../functions/scheduler/tale.ts';
import { undoAndEnd, unknownEnding } from '../../functions/scheduler/undo-story.ts';
import { supervisorService } from '../../functions/supervisor/supervisor.functions.ts';
import { thirdPartyService } from '../../functions/third-party/third-party.functions.ts';
import * as accounts from '../../shared/contracts/accounts.ts';
import { listDeliveryEvents } from '../../shared/contracts/deliveries.ts';
import { listDrones } from '../../shared/contracts/drones.ts';
import type { FlightEventKind } from '../../shared/contracts/flight.ts';
import { searchHistory } from '../../shared/contracts/history.ts';
import { getPackage } from '../../shared/contracts/packages.ts';
import * as requests from '../../shared/contracts/requests.ts';
import { compensateWorkflow, nudgeWorkflow } from '../../shared/contracts/workflows.ts';
import { SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';
import { customer, type Harness, operator, service, startHarness } from '../harness/service.ts';

const { south, west, north, east } = SERVICE_AREA.bounds;
const at = (share: number) => ({
  latitude: south + (north - south) * share,
  longitude: west + (east - west) * share,
});
const ALL = [
  'accounts',
  'packages',
  'requests',
  'workflows',
  'deliveries',
  'droneDeliveries',
  'drones',
  'bookings',
  'history',
  'deadLetters',
  'workItems',
] as const;

let harness: Harness;
let consumers: Consumers;
let repository: ReturnType<typeof createWorkflowRepository>;
let activities: ReturnType<typeof createActivities>;
/** Instances the engine has, by id, with the orchestration's name and input. */
let instances: Map<string, { name: string; input: TaleInput }>;
const running: { wake?: () => void } = {};

const client = {
  startNew: (name: string, { instanceId, input }: { instanceId: string; input: TaleInput }) => {
    instances.set(instanceId, { name, input });
    return Promise.resolve(instanceId);
  },
  getStatus: (instanceId: string) =>
    instances.has(instanceId)
      ? Promise.resolve({ runtimeStatus: 'Running' })
      : Promise.reject(new Error('replied with HTTP 404')),
  raiseEvent: (instanceId: string) => {
    if (!instances.has(instanceId))
      return Promise.reject(new Error(`No instance with ID '${instanceId}' found.`));
    running.wake?.();
    return Promise.resolve();
  },
  terminate: (instanceId: string) => {
    instances.delete(instanceId);
    return Promise.resolve();
  },
} as unknown as DurableClient;

beforeAll(async () => {
  harness = await startHarness({ containers: ALL });
  harness.add('ingestion', ingestionService);
  harness.add('scheduler', schedulerService);
  harness.add('account', accountService);
  harness.add('package', packageService);
  harness.add('drone', droneService);
  harness.add('delivery', deliveryService);
  harness.add('third-party', thirdPartyService);
  harness.add('delivery-history', deliveryHistoryService);
  harness.add('supervisor', supervisorService);
  const deps = harness.deps('scheduler');
  repository = createWorkflowRepository(harness.database, deps.now);
  consumers = createConsumers(repository, limitsOf(deps.settings));
  activities = createActivities(repository, createSteps(deps), deps.log);
  instances = new Map();
  const params = { accountId: 'contoso' };
  const body = { name: 'Contoso', quota: 1000 };
  await harness.request(accounts.putAccount, { as: operator, params, body });
  await harness.request(accounts.putUser, {
    as: operator,
    params: { ...params, userId: 'user-1' },
    body: { name: 'Ann' },
  });
});
afterAll(() => harness[Symbol.asyncDispose]());

/** Asks for a delivery, as a customer would; the scheduler's consumer starts it. */
async function ask(weight = 1): Promise<string> {
  await fleetOf(harness).add('drone-1', 'drone-2');
  for (const droneId of ['drone-1', 'drone-2']) {
    const boot = crypto.randomUUID();
    await fleetOf(harness).hear(
      sample(droneId, harness.clock.now, { boot, position: { ...at(0.45), altitude: 0 } }),
    );
  }
  const request = {
    ownerId: 'contoso',
    pickupLocation: at(0.5),
    dropOffLocation: at(0.55),
    packageInfo: { size: 'Small', weight },
  };
  const { body } = await harness.request(requests.submitRequest, { as: customer('contoso'), body: request });
  await deliverMessages();
  return String(body?.['deliveryId']);
}
async function deliverMessages(): Promise<void> {
  for (const { message } of harness.published.splice(0)) {
    await consumers.request(requests.RequestMessage.parse(message.body), client);
  }
}
/** The change feed of the workflows: wishes for the engine. */
async function feed(deliveryId: string): Promise<void> {
  const { items } = await harness.database
    .store<EngineCommand>('workflows')
    .query<EngineCommand>("SELECT * FROM c WHERE c.type = 'engine'", {}, { partitionKey: deliveryId });
  await consumers.changes(items, client);
}
const flight = async (deliveryId: string, kind: FlightEventKind, generation = 1) => {
  const missionId = `${deliveryId}-m${generation}`;
  const eventId = `${missionId}-${kind}`;
  const position = { ...at(0.5), altitude: 60 };
  const time = harness.clock.now.toISOString();
  const event = {
    eventId,
    kind,
    deliveryId,
    missionId,
    droneId: 'drone-1',
    fence: 1,
    time,
    position,
    battery: 0.9,
  };
  await consumers.flightEvent(event, client);
};
const cancel = async (deliveryId: string) => {
  await harness.request(requests.cancelRequest, { as: customer('contoso'), params: { deliveryId } });
  await deliverMessages();
};

/** Runs what the engine has for this delivery; a story that dies is lost by the engine, too. */
async function run(
  deliveryId: string,
  happenings: readonly Happening[],
  diesAfter?: number,
): Promise<Played> {
  const id = instances.has(deliveryId) ? deliveryId : `${deliveryId}~undo`;
  const { name, input } = instances.get(id) as { name: string; input: TaleInput };
  const stage = { activities, clock: harness.clock, happenings, ...(diesAfter ? { diesAfter } : {}) };
  const played = await play(
    (context) => {
      const tale = tell(context, input);
      const story = name === COMPENSATOR ? undoAndEnd(tale, unknownEnding(tale.now())) : deliver(tale);
      return untilSuperseded(story);
    },
    stage,
    running,
  );
  instances.delete(id);
  return played;
}

interface Script {
  readonly at: number;
  readonly what: FlightEventKind | 'cancel';
}
const DELIVERED: Script[] = [
  { at: 1, what: 'MissionAccepted' },
  { at: 5, what: 'TookOff' },
  { at: 60, what: 'PickedUp' },
  { at: 120, what: 'Delivered' },
];

/** One delivery; its process dies once after so many activities, and a nudge of the supervisor brings it back. */
async function whole(script: readonly Script[], options: { diesAfter?: number; weight?: number } = {}) {
  const deliveryId = await ask(options.weight);
  const begin = harness.clock.now.getTime();
  const left = [...script];
  const happenings = () => {
    const elapsed = (harness.clock.now.getTime() - begin) / 1000;
    return left.map((each) => ({
      at: Math.max(0, each.at - elapsed),
      happen: async () => {
        left.splice(left.indexOf(each), 1);
        if (each.what === 'cancel') await cancel(deliveryId);
        else await flight(deliveryId, each.what);
      },
    }));
  };
  const first = await run(deliveryId, happenings(), options.diesAfter);
  if (!first.ended) {
    await harness.request(nudgeWorkflow, { as: operator, params: { deliveryId } });
    await feed(deliveryId);
    if (instances.size > 0) await run(deliveryId, happenings());
  }
  return { deliveryId, ...first };
}

/** What is left in the stores of all services. */
async function leftOf(deliveryId: string) {
  const as = customer('contoso');
  const params = { deliveryId };
  const workflow = (await repository.find(deliveryId)) as WorkflowDocument;
  const account = await harness.request(accounts.getAccount, {
    as: operator,
    params: { accountId: 'contoso' },
  });
  const drones = await harness.request(listDrones, { as: operator });
  const events = await harness.request(listDeliveryEvents, { as, params });
  const history = await harness.request(searchHistory, { as, query: { ownerId: 'contoso' } });
  const parcel = await harness.request(getPackage, { as, params: { packageId: `p-${deliveryId}` } });
  const commands = (await fleetOf(harness).events(deliveryId)).flatMap(({ kind }) => (kind ? [kind] : []));
  const entries = (history.body?.['entries'] ?? []) as { deliveryId: string; stage: string }[];
  const stages = (events.body?.['events'] ?? []) as { sequence: number; stage: string }[];
  expect(stages.map(({ sequence }) => sequence)).toEqual(stages.map((_, index) => index));
  return {
    workflow,
    outcome: workflow.outcome?.kind,
    held: account.body?.['held'],
    reserved: ((drones.body?.['drones'] ?? []) as { reservedFor?: string }[]).filter(
      ({ reservedFor }) => reservedFor,
    ).length,
    stages: stages.map(({ stage }) => stage),
    history: entries.filter((entry) => entry.deliveryId === deliveryId).map(({ stage }) => stage),
    packageThere: parcel.status === 200,
    commands,
    events: stages,
  };
}

const NOTHING = { held: 0, reserved: 0 };

describe('a delivery that is carried out', () => {
  const done = {
    ...NOTHING,
    outcome: 'completed',
    stages: ['Created', 'HeadedToPickup', 'HeadedToDropoff', 'Completed'],
    history: ['Completed'],
    packageThere: true,
    commands: ['Mission'],
  };

  test('leaves its history, and holds nothing', async () => {
    const { deliveryId, ended } = await whole(DELIVERED);
    expect(ended).toBe(true);
    expect(await leftOf(deliveryId)).toMatchObject(done);
  });

  test('comes to the same, whichever activity is the last before the engine loses it', async () => {
    const { activities: list } = await whole(DELIVERED);
    for (let diesAfter = 1; diesAfter < list.length; diesAfter++) {
      const { deliveryId } = await whole(DELIVERED, { diesAfter });
      expect({ diesAfter, ...(await leftOf(deliveryId)) }).toMatchObject({ diesAfter, ...done });
    }
  });
});

describe('a delivery that is cancelled in the air', () => {
  const script: Script[] = [
    ...DELIVERED.slice(0, 2),
    { at: 20, what: 'cancel' },
    { at: 25, what: 'Recalled' },
  ];
  const done = {
    ...NOTHING,
    outcome: 'cancelled',
    stages: ['Created', 'HeadedToPickup', 'Cancelled'],
    history: ['Cancelled'],
    packageThere: false,
    commands: ['Mission', 'Recall'],
    workflow: { cancel: 'cancelled' },
  };

  test('is undone in reverse order, whichever (every second) activity is the last before the engine loses it', async () => {
    const whatWas = await whole(script);
    expect(whatWas.activities.filter((name) => name.endsWith('_undo'))).toEqual([
      'dispatchDrone_undo',
      'createDelivery_undo',
      'reserveDrone_undo',
      'upsertPackage_undo',
      'holdQuota_undo',
    ]);
    expect(await leftOf(whatWas.deliveryId)).toMatchObject(done);
    for (let diesAfter = 1; diesAfter < whatWas.activities.length; diesAfter += 2) {
      const { deliveryId } = await whole(script, { diesAfter });
      expect({ diesAfter, ...(await leftOf(deliveryId)) }).toMatchObject({ diesAfter, ...done });
    }
  });
});

describe('a delivery that nobody can carry', () => {
  const done = {
    ...NOTHING,
    outcome: 'rejected',
    stages: [],
    history: [],
    packageThere: false,
    commands: [],
  };

  test('is rejected with the reasons, and leaves nothing, whichever (every third) activity is the last', async () => {
    const { activities: list, deliveryId } = await whole([], { weight: 60 });
    const left = await leftOf(deliveryId);
    expect(left).toMatchObject(done);
    expect(left.workflow.outcome?.reasons.join()).toMatch(/drone-1: .*payload/);
    for (let diesAfter = 2; diesAfter < list.length; diesAfter += 3) {
      const again = await whole([], { weight: 60, diesAfter });
      expect({ diesAfter, ...(await leftOf(again.deliveryId)) }).toMatchObject({ diesAfter, ...done });
    }
  });
});

describe('an operator who gives a delivery up', () => {
  test('has it undone by another orchestration; the first one, and a nudge, change nothing more', async () => {
    const deliveryId = await ask();
    const first = instances.get(deliveryId);
    await run(deliveryId, [], 6);
    instances.set(deliveryId, first as never);
    const params = { deliveryId };
    const reason = 'the customer called';
    await harness.request(compensateWorkflow, { as: operator, params, body: { reason } });
    await feed(deliveryId);
    expect([...instances.keys()]).toEqual([`${deliveryId}~undo`]);
    await harness.request(nudgeWorkflow, { as: operator, params });
    await feed(deliveryId);
    expect([...instances.keys()]).toEqual([`${deliveryId}~undo`]);
    const late = await activities['reserveDrone']?.({
      id: deliveryId,
      generation: 1,
      attempt: 1,
      args: null,
      handled: [],
      signals: 'new',
    });
    expect(late).toMatchObject({ ok: false, error: { code: 'superseded' } });
    await run(deliveryId, []);
    expect(await leftOf(deliveryId)).toMatchObject({ ...NOTHING, outcome: 'failed', history: ['Failed'] });
    const { workflow } = await leftOf(deliveryId);
    expect(workflow.outcome?.reasons).toEqual([reason]);
    const again = await harness.request(compensateWorkflow, { as: operator, params, body: { reason } });
    expect(again.status).toBe(409);
  });
});

describe('messages', () => {
  test('that come twice, late or too early begin one workflow and end in one answer', async () => {
    const deliveryId = await ask();
    await run(
      deliveryId,
      DELIVERED.map(({ at: seconds, what }) => ({
        at: seconds,
        happen: () => flight(deliveryId, what as FlightEventKind),
      })),
    );
    await consumers.request(
      {
        operation: 'delivery',
        messageId: `request-${deliveryId}`,
        request: ((await repository.find(deliveryId)) as WorkflowDocument).request,
      },
      client,
    );
    expect(instances.size).toBe(0);
    const late = {
      operation: 'cancel' as const,
      messageId: 'late',
      deliveryId,
      owner: { userId: 'user-1', accountId: 'contoso' },
    };
    await consumers.request({ ...late, at: harness.clock.now.toISOString() }, client);
    expect(await repository.find(deliveryId)).toMatchObject({
      cancel: 'cancelRefused',
      outcome: { kind: 'completed' },
    });
    await flight(deliveryId, 'Returned');
    expect((await leftOf(deliveryId)).history).toEqual(['Completed']);
  });

  test('a cancel that overtakes its request still cancels it', async () => {
    const deliveryId = 'overtaken';
    const owner = { userId: 'user-1', accountId: 'contoso' };
    const early = { operation: 'cancel' as const, messageId: 'early', deliveryId, owner };
    await consumers.request({ ...early, at: harness.clock.now.toISOString() }, client);
    const known = await ask();
    const { request } = (await repository.find(known)) as WorkflowDocument;
    instances.clear();
    const store = harness.database.store('requests');
    const document = { id: deliveryId, type: 'request', accountId: 'contoso', status: 'accepted', request };
    await store.create(document);
    const message = { operation: 'delivery' as const, messageId: 'r', request: { ...request, deliveryId } };
    await consumers.request(message, client);
    await run(deliveryId, []);
    expect(await repository.find(deliveryId)).toMatchObject({
      outcome: { kind: 'cancelled' },
      cancel: 'cancelled',
    });
    expect(await leftOf(deliveryId)).toMatchObject({ ...NOTHING, stages: [], history: [] });
  });
});

test('a service acts for the account that it names', async () => {
  const deliveryId = await ask();
  const params = { deliveryId };
  expect((await harness.request(requests.getRequest, { as: service('contoso'), params })).status).toBe(200);
  expect((await harness.request(requests.getRequest, { as: service('fabrikam'), params })).status).toBe(404);
});
