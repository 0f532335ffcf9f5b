/**
 * The whole saga on the real services and the real Cosmos server, without an engine: activities run one by one in virtual
 * time, and any of them may be the last of its process.
 */
import type { DurableClient } from 'durable-functions';
import { accountService } from '../../functions/account/account.functions.ts';
import { deliveryService } from '../../functions/delivery/delivery.functions.ts';
import { deliveryHistoryService } from '../../functions/delivery-history/delivery-history.functions.ts';
import { droneService } from '../../functions/drone/drone.functions.ts';
import { fleetOf, sample } from '../../functions/drone/fleet.fixture.ts';
import { ingestionService } from '../../functions/ingestion/ingestion.functions.ts';
import { packageService } from '../../functions/package/package.functions.ts';
import { createActivities } from '../../functions/scheduler/activities.ts';
import { compensateAndFinish, unknownOutcome } from '../../functions/scheduler/compensate.ts';
import { createConsumers } from '../../functions/scheduler/consumers.ts';
import { deliver } from '../../functions/scheduler/deliver.ts';
import { COMPENSATOR, limitsOf } from '../../functions/scheduler/engine.ts';
import { createWorkflowRepository, type WorkflowRepository } from '../../functions/scheduler/repository.ts';
import { schedulerService } from '../../functions/scheduler/scheduler.functions.ts';
import type { OrchestrationCommand, WorkflowDocument } from '../../functions/scheduler/schemas.ts';
import { createWorkflowContext, type WorkflowInput } from '../../functions/scheduler/workflow-context.ts';
import { supervisorService } from '../../functions/supervisor/supervisor.functions.ts';
import { thirdPartyService } from '../../functions/third-party/third-party.functions.ts';
import * as accounts from '../../shared/contracts/accounts.ts';
import { getDelivery, listDeliveryEvents } from '../../shared/contracts/deliveries.ts';
import { listDrones } from '../../shared/contracts/drones.ts';
import type { FlightEventKind } from '../../shared/contracts/flight.ts';
import { searchHistory } from '../../shared/contracts/history.ts';
import { getPackage } from '../../shared/contracts/packages.ts';
import * as requests from '../../shared/contracts/requests.ts';
import { carrierEvent } from '../../shared/contracts/third-party.ts';
import { compensateWorkflow, nudgeWorkflow } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import type { ServiceDeps } from '../../shared/functions/service.ts';
import { SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';
import type { CallOptions } from '../../shared/http/client.ts';
import type { Route } from '../../shared/http/define-route.ts';
import type { StepInput, StepResult } from '../../shared/saga/protocol.ts';
import { untilSuperseded } from '../../shared/saga/protocol.ts';
import {
  type Activities,
  type Running,
  type RunResult,
  runOrchestration,
} from '../../shared/saga/run-orchestration.fixture.ts';
import { startCarrier, type TestCarrier } from '../harness/carrier.ts';
import { carrier, customer, type Harness, operator, startHarness } from '../harness/service.ts';

const { south, west, north, east } = SERVICE_AREA.bounds;
const at = (share: number) => ({
  latitude: south + (north - south) * share,
  longitude: west + (east - west) * share,
});
export const DROPOFF = { ...at(0.55), altitude: 0 };
export const NEW_DROPOFF = { ...at(0.56), altitude: 0 };

const CONTAINERS = [
  'accounts',
  'packages',
  'requests',
  'workflows',
  'deliveries',
  'droneDeliveries',
  'drones',
  'availableDrones',
  'bookings',
  'history',
  'deadLetters',
  'workItems',
] as const;

export interface JourneyEvent {
  /** Seconds after the begin. */
  readonly at: number;
  readonly kind:
    | FlightEventKind
    | 'cancel'
    | 'reschedule'
    | 'Departed'
    | 'Collected'
    | 'CarrierDelivered'
    | 'CarrierFailed';
  readonly generation?: number;
}

export interface Journey {
  readonly name: string;
  /** kg */
  readonly weight?: number;
  readonly carrierServes?: boolean;
  readonly confirmationRequired?: 'Picture';
  /** Tried with every activity as the last of its process; else with every second one. */
  readonly everyActivity?: true;
  readonly events: readonly JourneyEvent[];
  /** What `leftOf` answers afterwards, no matter what failed. */
  readonly leaves: Readonly<Record<string, unknown>>;
}

export type Wanted = Pick<Journey, 'weight' | 'carrierServes' | 'confirmationRequired'>;

export interface Failures {
  /**
   * The process dies after this many activities: the effect is there, its result is not in the journal. The supervisor's
   * nudge brings the workflow back.
   */
  readonly diesAfter?: number;
  /** The process dies in this activity: its intent is in the journal, its effect is not there. */
  readonly diesIn?: number;
  /** The engine runs this activity twice, as it may. */
  readonly runsTwice?: number;
  /** Every message comes twice. */
  readonly twice?: boolean;
}

export type World = Awaited<ReturnType<typeof startWorld>>;

export interface WorldOptions {
  /** Is told what begins: `prepare`, `submit`, a message (`request`, `event TookOff`), an activity, or the fixture's own look. */
  readonly onPhase?: (name: string) => void;
}

type OnPhase = NonNullable<WorldOptions['onPhase']>;

export async function startWorld({ onPhase = () => undefined }: WorldOptions = {}) {
  const van = await startCarrier(10);
  const carriers = JSON.stringify([{ carrierId: 'van', url: van.url }]);
  const settings = { CARRIERS: carriers, OUTBOUND_ALLOW_LOOPBACK: 'true' };
  const harness = await startHarness({ containers: CONTAINERS, settings });
  addServices(harness);
  await addCustomer(harness);
  const running: Running = {};
  const engine = createEngine(running);
  const calls: ServiceCall[] = [];
  const deps = recordingDeps(harness, calls);
  const repository = createWorkflowRepository(harness.database, deps.now, deps.settings.RETENTION_DAYS);
  const lossy = createLossyJournal(repository, onPhase);
  const activities: Activities = createActivities({ ...repository, journal: lossy.journal }, deps);
  const consumers = createConsumers(repository, limitsOf(deps.settings), harness.deps('scheduler'));
  const messages = createMessages(harness, consumers, engine, onPhase);
  const customers = createCustomers(harness, van, onPhase);

  /** Runs the orchestration that the engine has; when the process dies, the engine loses it, too. */
  const run = async (
    deliveryId: string,
    events: readonly { at: number; run: () => Promise<void> }[],
    failures: Failures = {},
  ): Promise<RunResult> => {
    const { id, name, input } = engine.instanceOf(deliveryId);
    const last = failures.diesIn ?? failures.diesAfter;
    const result = await runOrchestration(
      (context) => {
        const workflow = createWorkflowContext(context, input);
        return untilSuperseded(
          name === COMPENSATOR
            ? compensateAndFinish(workflow, unknownOutcome(workflow.now()))
            : deliver(workflow),
        );
      },
      {
        activities: lossy.counted(activities, failures),
        clock: harness.clock,
        events,
        ...(last === undefined ? {} : { diesAfter: last }),
      },
      running,
    );
    engine.instances.delete(id);
    return result;
  };

  /** One delivery. When its process died, a nudge of an operator brings the workflow back. */
  const travel = async (journey: Journey, failures: Failures = {}) => {
    const deliveryId = await customers.ask(journey);
    await messages.deliver(failures.twice);
    const begin = harness.clock.now.getTime();
    const left = [...journey.events];
    const events = () => {
      const elapsed = (harness.clock.now.getTime() - begin) / 1000;
      return left.map((event) => ({
        at: Math.max(0, event.at - elapsed),
        run: async () => {
          left.splice(left.indexOf(event), 1);
          await messages.happen(deliveryId, event, failures.twice);
        },
      }));
    };
    const first = await run(deliveryId, events(), failures);
    if (!first.ended) {
      await nudge(deliveryId);
      if (engine.instances.size > 0) await run(deliveryId, events());
    }
    return { deliveryId, ...first };
  };

  const nudge = async (deliveryId: string) => {
    const reply = await harness.request(nudgeWorkflow, { as: operator, params: { deliveryId } });
    await messages.feed(deliveryId);
    return reply;
  };

  return {
    harness,
    repository,
    consumers,
    activities,
    engine,
    /** Is told of the wakes of the orchestration that runs. */
    running,
    /** Calls of the steps, oldest first. */
    calls,
    van,
    run,
    travel,
    nudge,
    messages,
    ask: async (journey: Wanted = {}) => {
      const deliveryId = await customers.ask(journey);
      await messages.deliver();
      return deliveryId;
    },
    compensate: async (deliveryId: string, reason = 'the customer called') => {
      const params = { deliveryId };
      const reply = await harness.request(compensateWorkflow, { as: operator, params, body: { reason } });
      await messages.feed(deliveryId);
      return reply;
    },
    leftOf: (deliveryId: string) => leftOf(harness, repository, deliveryId),
    /** Every item of every container, with its etag. */
    snapshot: async () => {
      const all = CONTAINERS.map(async (name) => {
        const { items } = await harness.database.store(name).query<{ id: string }>('SELECT * FROM c', {});
        return items.map((item) => JSON.stringify(item)).toSorted();
      });
      return Promise.all(all);
    },
    [Symbol.asyncDispose]: async () => {
      await harness[Symbol.asyncDispose]();
      await van[Symbol.asyncDispose]();
    },
  };
}

export interface ServiceCall {
  readonly route: Route;
  readonly options: CallOptions<Route>;
}

function recordingDeps(harness: Harness, calls: ServiceCall[]): ServiceDeps {
  const deps = harness.deps('scheduler');
  return {
    ...deps,
    call: (route, options) => {
      calls.push({ route, options: options ?? {} });
      return deps.call(route, options);
    },
  };
}

function addServices(harness: Harness): void {
  harness.add('ingestion', ingestionService);
  harness.add('scheduler', schedulerService);
  harness.add('account', accountService);
  harness.add('package', packageService);
  harness.add('drone', droneService);
  harness.add('delivery', deliveryService);
  harness.add('third-party', thirdPartyService);
  harness.add('delivery-history', deliveryHistoryService);
  harness.add('supervisor', supervisorService);
}

async function addCustomer(harness: Harness): Promise<void> {
  const params = { accountId: 'contoso' };
  const body = { name: 'Contoso', quota: 1000 };
  await harness.request(accounts.putAccount, { as: operator, params, body });
  const user = { ...params, userId: 'user-1' };
  await harness.request(accounts.putUser, { as: operator, params: user, body: { name: 'Ann' } });
}

/** An engine that keeps its instances by id, and answers as the Durable client does. */
function createEngine(running: Running) {
  const instances = new Map<string, { name: string; input: WorkflowInput }>();
  const client = {
    startNew: (name: string, { instanceId, input }: { instanceId: string; input: WorkflowInput }) => {
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
  const instanceOf = (deliveryId: string) => {
    const id = instances.has(deliveryId) ? deliveryId : `${deliveryId}~compensate`;
    const instance = instances.get(id);
    if (!instance) throw new Error(`the engine has no instance of ${deliveryId}`);
    return { id, ...instance };
  };
  return { client, instances, instanceOf };
}

/** A journal whose process can die once it has written an intent, and activities that can run twice. */
function createLossyJournal({ journal }: WorkflowRepository, onPhase: OnPhase) {
  let dies = false;
  return {
    journal: {
      ...journal,
      begin: async (...args: Parameters<typeof journal.begin>) => {
        const begun = await journal.begin(...args);
        if (dies) throw new AppError('dependency_unavailable', 'the process is dead');
        return begun;
      },
    },
    counted: (activities: Activities, { diesIn, runsTwice }: Failures): Activities => {
      let count = 0;
      const counted = Object.entries(activities).map(
        ([name, activity]): [string, (input: StepInput) => Promise<StepResult>] => [
          name,
          async (input) => {
            count += 1;
            dies = count === diesIn;
            onPhase(name);
            try {
              if (count === runsTwice) await activity(input);
              return await activity(input);
            } finally {
              dies = false;
            }
          },
        ],
      );
      return Object.fromEntries(counted);
    },
  };
}

function createCustomers(harness: Harness, van: TestCarrier, onPhase: OnPhase) {
  return {
    /** Asks for a delivery; two drones stand ready. */
    ask: async ({ weight = 1, carrierServes = true, confirmationRequired }: Wanted) => {
      onPhase('prepare');
      const refusal = { canServe: false as const, reasons: ['no van is free'] };
      van.mood.quote = carrierServes ? vanOffer(harness) : refusal;
      await fleetOf(harness).add('drone-1', 'drone-2');
      for (const droneId of ['drone-1', 'drone-2']) {
        const position = { ...at(0.45), altitude: 0 };
        const boot = crypto.randomUUID();
        await fleetOf(harness).hear(sample(droneId, harness.clock.now, { boot, position }));
      }
      const body = {
        ownerId: 'contoso',
        pickupLocation: at(0.5),
        dropOffLocation: at(0.55),
        packageInfo: { size: 'Small', weight },
        ...(confirmationRequired ? { confirmationRequired } : {}),
      };
      onPhase('submit');
      const reply = await harness.request(requests.submitRequest, { as: customer('contoso'), body });
      return String(reply.body?.['deliveryId']);
    },
  };
}

function vanOffer({ clock }: Harness) {
  const time = new Date(clock.now.getTime() + 3_600_000).toISOString();
  const eta = { at: time, earliest: time, latest: time };
  const price = { amount: 10, currency: 'USD' };
  return { canServe: true as const, price, pickupEta: eta, deliveryEta: eta };
}

/** Hubs and change feed: every message may come twice. */
function createMessages(
  harness: Harness,
  consumers: ReturnType<typeof createConsumers>,
  { client }: ReturnType<typeof createEngine>,
  onPhase: OnPhase,
) {
  const deliverAll = async (twice = false) => {
    onPhase('request');
    const messages = harness.published.splice(0);
    for (const { message } of twice ? [...messages, ...messages] : messages) {
      await consumers.request(requests.RequestMessage.parse(message.body), client);
    }
  };
  const feed = async (deliveryId: string) => {
    const sql = "SELECT * FROM c WHERE c.type = 'engine'";
    const store = harness.database.store<OrchestrationCommand>('workflows');
    onPhase('fixture');
    const { items } = await store.query(sql, {}, { partitionKey: deliveryId });
    onPhase('feed');
    await consumers.changes(items, client);
  };
  const flight = async (deliveryId: string, kind: FlightEventKind, generation: number) => {
    const missionId = `${deliveryId}-m${generation}`;
    const eventId = `${missionId}-${kind}`;
    const position = { ...at(0.5), altitude: 60 };
    const time = harness.clock.now.toISOString();
    const state = { time, position, battery: 0.9 };
    const event = { eventId, kind, deliveryId, missionId, droneId: 'drone-1', fence: 1, ...state };
    await consumers.flightEvent(event, client);
  };
  const byCarrier = async (deliveryId: string, event: 'Departed' | 'Collected' | 'Delivered' | 'Failed') => {
    const body = { bookingId: deliveryId, eventId: event, event, at: harness.clock.now.toISOString() };
    await harness.request(carrierEvent, { as: carrier('van'), params: { deliveryId }, body });
    await feed(deliveryId);
  };
  const once = async (deliveryId: string, { kind, generation = 1 }: JourneyEvent, twice = false) => {
    const params = { deliveryId };
    const as = customer('contoso');
    if (kind === 'cancel') {
      await harness.request(requests.cancelRequest, { as, params });
      await deliverAll(twice);
    } else if (kind === 'reschedule') {
      const body = { dropOffLocation: NEW_DROPOFF };
      await harness.request(requests.rescheduleRequest, { as, params, body });
      await deliverAll(twice);
    } else if (kind === 'Departed' || kind === 'Collected') await byCarrier(deliveryId, kind);
    else if (kind === 'CarrierDelivered') await byCarrier(deliveryId, 'Delivered');
    else if (kind === 'CarrierFailed') await byCarrier(deliveryId, 'Failed');
    else await flight(deliveryId, kind, generation);
  };
  return {
    deliver: deliverAll,
    feed,
    flight: (deliveryId: string, kind: FlightEventKind, generation = 1) =>
      flight(deliveryId, kind, generation),
    happen: async (deliveryId: string, event: JourneyEvent, twice = false) => {
      onPhase(`event ${event.kind}`);
      await once(deliveryId, event, twice);
      if (twice && event.kind !== 'cancel' && event.kind !== 'reschedule') await once(deliveryId, event);
    },
  };
}

/** What is left in the stores of all services. */
async function leftOf(harness: Harness, repository: WorkflowRepository, deliveryId: string) {
  const as = customer('contoso');
  const params = { deliveryId };
  const workflow = (await repository.find(deliveryId)) as WorkflowDocument;
  const accountId = { accountId: 'contoso' };
  const account = await harness.request(accounts.getAccount, { as: operator, params: accountId });
  const drones = await harness.request(listDrones, { as: operator });
  const events = await harness.request(listDeliveryEvents, { as, params });
  const delivery = await harness.request(getDelivery, { as, params });
  const history = await harness.request(searchHistory, { as, query: { ownerId: 'contoso' } });
  const parcel = await harness.request(getPackage, { as, params: { packageId: `p-${deliveryId}` } });
  const booking = (
    await harness.database.store<{ id: string; status?: string }>('bookings').read('booking', deliveryId)
  )?.item.status;
  const commands = (await fleetOf(harness).events(deliveryId)).flatMap(({ kind }) => (kind ? [kind] : []));
  const entries = (history.body?.['entries'] ?? []) as { deliveryId: string; stage: string }[];
  const stages = (events.body?.['events'] ?? []) as { sequence: number; stage: string }[];
  return {
    workflow,
    outcome: workflow.outcome?.kind,
    held: account.body?.['held'],
    reserved: ((drones.body?.['drones'] ?? []) as { reservedFor?: string }[]).filter(
      ({ reservedFor }) => reservedFor,
    ).length,
    /** Their sequence has no gap (I5). */
    inSequence: stages.every(({ sequence }, index) => sequence === index),
    stages: stages.map(({ stage }) => stage),
    history: entries.filter((entry) => entry.deliveryId === deliveryId).map(({ stage }) => stage),
    packageThere: parcel.status === 200,
    dropoff: delivery.body?.['dropoff'],
    booking,
    commands,
    events: stages,
  };
}
