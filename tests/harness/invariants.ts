/**
 * An independent checker of what a run has left behind. It reads documents and events by their fields and shares no code with
 * the services.
 *
 * I0 The run did something: there are requests, workflows, drones, events and checkpoints, as many as the test says.
 * I1 Every accepted request has one workflow with one outcome; one whose delivery was created has one history entry.
 * I2 No reservation, booking or hold outlives its workflow.
 * I3 Every effect of a workflow that was compensated is compensated, in reverse order.
 * I4 No drone carries two deliveries at a time; no delivery is carried by two drones.
 * I5 The events of a delivery have no gap, and no order but their own.
 * I6 Each change of state has exactly one event, no matter how often it was published.
 * I7 The same idempotency key never makes two.
 * I8 What has not ended is in an operator's queue.
 * I9 No checkpoint has passed an event that was neither processed nor dead-lettered, and every event was passed.
 */
import type { Endpoints } from '../../platform/endpoints.ts';
import { type ClientAnswer, type Evidence, type HubEvent, type Item, readEvidence } from './evidence.ts';
import { until } from './platform.ts';

/** How much there must be at the least; each is 1 where the test says nothing. */
export interface LowerBounds {
  readonly requests?: number;
  readonly workflows?: number;
  readonly completed?: number;
  readonly drones?: number;
  readonly domainEvents?: number;
  readonly flightEvents?: number;
}

export interface CheckOptions {
  readonly atLeast?: LowerBounds;
  readonly answers?: readonly ClientAnswer[];
  /** How long what is under way may take to end, ms. */
  readonly ms?: number;
}

/**
 * The breaches that are still there when what was under way has had its time to end; empty when all is well. The stores are read one
 * after the other, so one look at a system that moves can see a breach that is none: the last look counts.
 */
export async function lastingBreaches(endpoints: Endpoints, options: CheckOptions = {}): Promise<string[]> {
  const { ms = 60_000, answers = [], atLeast = {} } = options;
  let last: string[] = ['nothing could be read'];
  const isSound = async () => {
    try {
      last = breachesOf(await readEvidence(endpoints, answers), atLeast);
    } catch (error) {
      last = [`nothing could be read: ${(error as Error).message}`];
    }
    return last.length === 0 || undefined;
  };
  await until(isSound, 'no breach', ms, 500).catch(() => undefined);
  return last;
}

/** Every breach, in words that begin with the rule's number; empty when all is well. */
export function breachesOf(evidence: Evidence, atLeast: LowerBounds = {}): string[] {
  const view = viewOf(evidence);
  return [
    ...emptiness(view, atLeast),
    ...outcomes(view),
    ...leftovers(view),
    ...compensations(view),
    ...flights(view),
    ...sequences(view),
    ...publications(view),
    ...duplicates(view),
    ...unended(view),
    ...passedOver(view),
  ];
}

interface Workflow {
  readonly deliveryId: string;
  readonly state: string;
  readonly outcome?: { readonly kind: string };
  readonly pendingOutcome?: { readonly kind: string };
  readonly effects: Readonly<Record<string, { readonly status: string; readonly at: string }>>;
}

interface View {
  readonly evidence: Evidence;
  /** By delivery; the lists hold one where all is well. */
  readonly workflows: ReadonlyMap<string, readonly Workflow[]>;
  readonly requests: readonly Item[];
  readonly openWork: ReadonlySet<string>;
  /** `hub/partition/sequence` */
  readonly letters: ReadonlySet<string>;
}

function viewOf(evidence: Evidence): View {
  const { stores } = evidence;
  const workflows = stores.workflows.filter(({ type }) => type === 'workflow') as unknown as Workflow[];
  const letters = stores.deadLetters.filter(({ type }) => type === 'letter');
  const open = stores.workItems.filter(({ type, status }) => type === 'work' && status === 'Open');
  return {
    evidence,
    workflows: Map.groupBy(workflows, ({ deliveryId }) => deliveryId),
    requests: stores.requests.filter(({ type }) => type === 'request'),
    openWork: new Set(open.map(({ deliveryId }) => String(deliveryId))),
    letters: new Set(
      letters.map(({ hub, partition, sequenceNumber }) => `${hub}/${partition}/${sequenceNumber}`),
    ),
  };
}

const all = ({ workflows }: View) => [...workflows.values()].flat();
const hasEnded = ({ workflows }: View, deliveryId: unknown) =>
  workflows.get(String(deliveryId))?.every(({ outcome }) => outcome !== undefined) ?? true;

/** I0 */
function emptiness(view: View, atLeast: LowerBounds): string[] {
  const { stores, hubs, checkpoints } = view.evidence;
  const counts: readonly (readonly [string, number, number | undefined])[] = [
    ['requests', view.requests.length, atLeast.requests],
    ['workflows', all(view).length, atLeast.workflows],
    [
      'completed workflows',
      all(view).filter(({ outcome }) => outcome?.kind === 'completed').length,
      atLeast.completed,
    ],
    ['drones', stores.drones.filter(({ type }) => type === 'registry').length, atLeast.drones],
    ['accounts', stores.accounts.filter(({ type }) => type === 'account').length, 1],
    ['deliveries', stores.deliveries.filter(({ type }) => type === 'delivery').length, 1],
    ['domain events', hubs['domain-events'].length, atLeast.domainEvents],
    ['flight events', hubs['drone-events'].length, atLeast.flightEvents],
    ['requests on the hub', hubs['delivery-requests'].length, atLeast.requests],
    ['commands', hubs['drone-commands'].length, 1],
    ['samples', hubs['drone-telemetry'].length, 1],
    ['checkpoints', checkpoints.length, 1],
  ];
  return counts
    .filter(([, found, least = 1]) => found < least)
    .map(([name, found, least = 1]) => `I0 there are ${found} ${name}, not ${least}`);
}

const STAGES: Readonly<Record<string, readonly string[]>> = {
  completed: ['Completed'],
  cancelled: ['Cancelled'],
  returned: ['Failed'],
  rejected: ['Failed'],
  failed: ['Failed'],
};

/** I1 */
function outcomes(view: View): string[] {
  const { stores, hubs } = view.evidence;
  const found: string[] = [];
  const accepted = new Set(
    view.requests.filter(({ status }) => status !== 'abandoned').map(({ id }) => String(id)),
  );
  for (const { body } of hubs['delivery-requests']) {
    const { deliveryId } = (body?.['request'] ?? {}) as { deliveryId?: string };
    const isKnown = view.requests.some(({ id }) => id === deliveryId);
    if (body?.['operation'] === 'delivery' && deliveryId && isKnown) accepted.add(deliveryId);
  }
  for (const deliveryId of accepted) {
    const count = view.workflows.get(deliveryId)?.length ?? 0;
    if (count !== 1) found.push(`I1 ${deliveryId} was accepted and has ${count} workflows`);
  }
  const entries = Map.groupBy(
    stores.history.filter(({ type }) => type === 'entry'),
    ({ entry }) => (entry as { deliveryId: string }).deliveryId,
  );
  const deliveries = Map.groupBy(
    stores.deliveries.filter(({ type }) => type === 'delivery'),
    ({ deliveryId }) => String(deliveryId),
  );
  for (const { deliveryId, outcome } of all(view)) {
    if (!outcome) continue;
    const stages = STAGES[outcome.kind];
    if (!stages) {
      found.push(`I1 ${deliveryId} ended as ${outcome.kind}, which is no outcome`);
      continue;
    }
    const created = deliveries.get(deliveryId) ?? [];
    const archived = entries.get(deliveryId) ?? [];
    if (archived.length !== created.length) {
      found.push(
        `I1 ${deliveryId} (${outcome.kind}) has ${archived.length} history entries, not ${created.length}`,
      );
    }
    if (outcome.kind === 'completed' && created.length === 0)
      found.push(`I1 ${deliveryId} is completed, but no delivery was ever created`);
    for (const { stage } of created) {
      if (!stages.includes(String(stage)))
        found.push(`I1 ${deliveryId} is ${outcome.kind}, its delivery ${stage}`);
    }
  }
  return found;
}

const BOOKING_ENDED: readonly unknown[] = ['Delivered', 'Failed', 'Cancelled'];

/** I2 */
function leftovers(view: View): string[] {
  const { stores } = view.evidence;
  const found: string[] = [];
  for (const { droneId, hold } of stores.drones) {
    const { deliveryId } = (hold ?? {}) as { deliveryId?: string };
    if (deliveryId && hasEnded(view, deliveryId)) found.push(`I2 ${droneId} is still held for ${deliveryId}`);
  }
  for (const { type, deliveryId, status } of stores.droneDeliveries) {
    if (type === 'job' && status !== 'Released' && hasEnded(view, deliveryId))
      found.push(`I2 the flight job of ${deliveryId} is still ${status}`);
  }
  for (const { type, deliveryId, status } of stores.bookings) {
    if (type === 'booking' && !BOOKING_ENDED.includes(status) && hasEnded(view, deliveryId))
      found.push(`I2 a booking of ${deliveryId} is still ${status}`);
  }
  const holds = stores.accounts.filter(({ type }) => type === 'hold');
  for (const { deliveryId, status } of holds) {
    const kind = view.workflows.get(String(deliveryId))?.[0]?.outcome?.kind;
    if (status === 'Held' && hasEnded(view, deliveryId)) found.push(`I2 ${deliveryId} still holds quota`);
    if (kind && status !== 'Held' && (status === 'Settled') !== (kind === 'completed'))
      found.push(`I2 ${deliveryId} is ${kind}, and its quota ${status}`);
  }
  for (const account of stores.accounts.filter(({ type }) => type === 'account')) {
    const own = holds.filter(({ accountId }) => accountId === account['accountId']);
    const settled = Object.values((account['settled'] ?? {}) as Record<string, number>);
    const counted = [account['held'], settled.reduce((sum, each) => sum + each, 0)];
    const wanted = ['Held', 'Settled'].map((state) => own.filter(({ status }) => status === state).length);
    if (counted.join() !== wanted.join())
      found.push(
        `I2 ${account['accountId']} counts ${counted.join(' held and ')} settled, its holds are ${wanted.join(' and ')}`,
      );
  }
  return found;
}

/** In the order of the saga's table. */
const COMPENSATED = [
  'holdQuota',
  'upsertPackage',
  'reserveDrone',
  'bookCarrier',
  'createDelivery',
  'dispatchDrone',
];

/** I3 */
function compensations(view: View): string[] {
  const { stores } = view.evidence;
  const found: string[] = [];
  for (const { deliveryId, outcome, pendingOutcome, effects } of all(view)) {
    if (!outcome) continue;
    const names = COMPENSATED.filter((name) => effects[name] !== undefined);
    const stuck = names.filter((name) => effects[name]?.status === 'compensationFailed');
    if (stuck.length > 0) found.push(`I3 ${deliveryId} has ended with ${stuck.join(', ')} not compensated`);
    if (!pendingOutcome) {
      if (!['completed', 'returned'].includes(outcome.kind))
        found.push(`I3 ${deliveryId} is ${outcome.kind}, but nothing was ever compensated`);
      continue;
    }
    if (pendingOutcome.kind !== outcome.kind)
      found.push(`I3 ${deliveryId} began to end as ${pendingOutcome.kind} and is ${outcome.kind}`);
    const left = names.filter((name) => effects[name]?.status !== 'compensated');
    if (left.length > 0) found.push(`I3 ${deliveryId} is ${outcome.kind}, not compensated: ${left.join()}`);
    const times = names.map((name) => Date.parse(effects[name]?.at ?? '')).toReversed();
    const wasStuck = stores.workItems.some(
      (item) => item['deliveryId'] === deliveryId && item['kind'] === 'CompensationFailed',
    );
    if (!wasStuck && times.some((time, index) => index > 0 && time < (times[index - 1] as number)))
      found.push(`I3 ${deliveryId} was not compensated in reverse order`);
    const parcel = stores.packages.find(
      ({ claim }) => (claim as { deliveryId?: string } | undefined)?.deliveryId === deliveryId,
    );
    if (parcel && (parcel['claim'] as { before?: unknown }).before === null)
      found.push(`I3 the package that ${deliveryId} made is still there`);
  }
  return found;
}

interface Flight {
  readonly kind: string;
  readonly droneId: string;
  readonly deliveryId: string;
  readonly missionId: string;
  readonly fence: number;
  readonly time: string;
  readonly eventId: string;
}

/** I4 */
function flights(view: View): string[] {
  const { hubs, stores } = view.evidence;
  const found: string[] = [];
  const events = firstOfEach(
    hubs['drone-events'].filter(({ body }) => typeof body?.['kind'] === 'string'),
    ({ body }) => body?.['eventId'],
  ).map(({ body }) => body as unknown as Flight);
  const loads = events.filter(({ kind }) => kind === 'PickedUp');
  for (const [deliveryId, own] of Map.groupBy(loads, (event) => event.deliveryId)) {
    const drones = new Set(own.map(({ droneId, fence }) => `${droneId} (fence ${fence})`));
    if (drones.size > 1) found.push(`I4 ${deliveryId} was picked up by ${[...drones].join(' and ')}`);
  }
  for (const { kind, deliveryId, droneId } of events) {
    const carrier = loads.find((load) => load.deliveryId === deliveryId)?.droneId;
    if (kind === 'Delivered' && carrier !== droneId)
      found.push(`I4 ${deliveryId} was picked up by ${carrier} and delivered by ${droneId}`);
  }
  for (const [droneId, own] of Map.groupBy(events, (event) => event.droneId)) {
    let carried: string | undefined;
    for (const { kind, deliveryId } of own.toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time))) {
      if (kind === 'PickedUp' && carried !== undefined && carried !== deliveryId)
        found.push(`I4 ${droneId} picked up ${deliveryId} while it carried ${carried}`);
      if (kind === 'PickedUp') carried = deliveryId;
      if ((kind === 'Delivered' || kind === 'Returned') && carried === deliveryId) carried = undefined;
    }
  }
  const fences = new Map<string, string>();
  for (const { body } of domainEvents(view, 'DroneAssigned')) {
    const { droneId, fence, deliveryId } = body['data'] as Flight;
    const earlier = fences.get(`${droneId}/${fence}`);
    if (earlier && earlier !== deliveryId)
      found.push(`I4 ${droneId} has fence ${fence} for ${earlier} and for ${deliveryId}`);
    fences.set(`${droneId}/${fence}`, deliveryId);
  }
  const held = stores.drones.filter(({ hold }) => hold);
  for (const [deliveryId, own] of Map.groupBy(held, ({ hold }) => (hold as Flight).deliveryId)) {
    if (own.length > 1) found.push(`I4 ${deliveryId} has ${own.length} drones`);
  }
  return found;
}

/** I5 */
function sequences(view: View): string[] {
  const found: string[] = [];
  const items = view.evidence.stores.deliveries;
  const tracking = Map.groupBy(
    items.filter(({ type }) => type === 'tracking'),
    ({ deliveryId }) => String(deliveryId),
  );
  for (const delivery of items.filter(({ type }) => type === 'delivery')) {
    const deliveryId = String(delivery['deliveryId']);
    const events = (tracking.get(deliveryId) ?? []).toSorted(
      (a, b) => Number(a['sequence']) - Number(b['sequence']),
    );
    if (events.some(({ sequence }, index) => sequence !== index))
      found.push(`I5 ${deliveryId} has events ${events.map(({ sequence }) => sequence).join(', ')}`);
    const last = events.at(-1);
    if (last?.['sequence'] !== delivery['sequence'] || last?.['stage'] !== delivery['stage'])
      found.push(`I5 the last event of ${deliveryId} is ${last?.['stage']}, its stage ${delivery['stage']}`);
    if (events[0] && events[0]['stage'] !== 'Created')
      found.push(`I5 the first event of ${deliveryId} is ${events[0]['stage']}`);
  }
  for (const [key, own] of Map.groupBy(domainEvents(view), ({ body }) => String(body['subject']))) {
    const order = firstOfEach(own, ({ body }) => body['id'])
      .map(({ body }) => (body['data'] as { sequence?: number }).sequence)
      .filter((sequence) => sequence !== undefined);
    if (order.some((sequence, index) => sequence !== index))
      found.push(`I5 the events of ${key} were published in the order ${order.join(', ')}`);
  }
  return found;
}

/** I6 */
function publications(view: View): string[] {
  const { stores, hubs } = view.evidence;
  const found: string[] = [];
  const outbox = Object.values(stores)
    .flat()
    .filter(({ type }) => type === 'event');
  const wanted = new Map(outbox.map((item) => [`${item['hub']}/${item.id}/${item['key']}`, item]));
  for (const hub of ['domain-events', 'drone-commands'] as const) {
    const seen = new Map<string, string>();
    for (const { messageId, key, body } of hubs[hub]) {
      if (!body || messageId === undefined) continue;
      const id = `${hub}/${messageId}/${key}`;
      const text = JSON.stringify(body);
      if (!wanted.has(id)) found.push(`I6 ${id} was published, but no state was written with it`);
      if ((seen.get(id) ?? text) !== text) found.push(`I6 ${id} was published with two contents`);
      seen.set(id, text);
    }
    for (const id of wanted.keys()) {
      if (id.startsWith(`${hub}/`) && !seen.has(id)) found.push(`I6 ${id} was never published`);
    }
  }
  for (const { type, deliveryId, sequence, stage } of stores.deliveries) {
    if (type !== 'tracking') continue;
    const own = outbox.filter(({ id }) => id === `event-${deliveryId}-${sequence}`);
    const types = own.map(({ body }) => (body as { type: string }).type).join();
    if (types !== `Delivery${stage}`)
      found.push(`I6 ${deliveryId} became ${stage}, which has the events ${types}`);
  }
  return found;
}

/** I7 */
function duplicates(view: View): string[] {
  const { stores, hubs, answers } = view.evidence;
  const found: string[] = [];
  const oneEach = <T>(items: readonly T[], keyOf: (item: T) => string, valueOf: (item: T) => unknown) => {
    for (const [key, own] of Map.groupBy(items, keyOf)) {
      const values = new Set(own.map((item) => JSON.stringify(valueOf(item))));
      if (values.size > 1) found.push(`I7 ${key} made ${[...values].join(' and ')}`);
    }
  };
  oneEach(
    answers,
    ({ idempotencyKey }) => `Idempotency-Key ${idempotencyKey}`,
    ({ deliveryId }) => deliveryId,
  );
  for (const { type, id, deliveryId } of stores.requests) {
    if (type === 'idempotency' && !view.requests.some((request) => request.id === deliveryId))
      found.push(`I7 the idempotency record ${id} names ${deliveryId}, which does not exist`);
  }
  oneEach(
    hubs['delivery-requests'].filter(({ body }) => body?.['messageId'] !== undefined),
    ({ body }) => `message ${text(body?.['messageId'])}`,
    ({ body }) => body,
  );
  // A mission is named by its delivery and generation: the key of the reservation.
  oneEach(
    hubs['drone-commands'].filter(({ body }) => body?.['kind'] === 'Mission'),
    ({ body }) => `mission ${text(body?.['missionId'])}`,
    ({ body }) => [body?.['droneId'], body?.['fence']],
  );
  oneEach(
    domainEvents(view, 'CarrierBooked'),
    ({ body }) => `booking of ${body['subject']}`,
    ({ body }) => (body['data'] as { bookingId: string }).bookingId,
  );
  return found;
}

/** I8 */
function unended(view: View): string[] {
  const found: string[] = [];
  for (const { deliveryId, outcome, state } of all(view)) {
    if (!outcome && !view.openWork.has(deliveryId))
      found.push(`I8 ${deliveryId} is ${state}, and no operator is told`);
  }
  for (const { id, pending, status } of view.requests) {
    if (pending === true) found.push(`I8 the request ${id} is ${status} and was never published`);
  }
  return found;
}

/** I9 */
function passedOver(view: View): string[] {
  const { hubs, checkpoints, stores } = view.evidence;
  const found: string[] = [];
  const inbox = new Set(
    stores.workflows
      .filter(({ type }) => type === 'inbox')
      .map(({ id, deliveryId }) => `${deliveryId}/${id}`),
  );
  const isProcessed: Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => boolean>> = {
    'delivery-requests': (body) =>
      body['operation'] === 'delivery'
        ? view.workflows.has(text((body['request'] as { deliveryId?: string }).deliveryId))
        : inbox.has(`${text(body['deliveryId'])}/inbox-${text(body['messageId'])}`),
    'drone-events': (body) => inbox.has(`${text(body['deliveryId'])}/inbox-${text(body['eventId'])}`),
    'drone-telemetry': (body) =>
      stores.drones.some(({ type, droneId }) => type === 'state' && droneId === body['droneId']),
    // What comes of an event depends on who subscribed to it; it is read or it is a dead letter.
    'domain-events': (body) => body['specversion'] === '1.0',
  };
  for (const { hub, group, partition, sequence } of checkpoints) {
    const events = hubs[hub].filter((event) => event.partition === partition);
    for (const event of events.filter((each) => each.sequence <= sequence)) {
      const isLetter = view.letters.has(`${hub}/${partition}/${event.sequence}`);
      if (!isLetter && !(event.body && isProcessed[hub]?.(event.body)))
        found.push(`I9 ${group} has passed ${hub}/${partition}/${event.sequence}, which nothing came of`);
    }
    const last = events.at(-1)?.sequence ?? -1;
    if (hub !== 'drone-telemetry' && last !== sequence)
      found.push(`I9 ${group} stands at ${sequence} of ${hub}/${partition}, which goes on to ${last}`);
  }
  for (const [hub, group] of CHECKPOINTED) {
    for (const partition of new Set(hubs[hub].map((event) => event.partition))) {
      if (!checkpoints.some((each) => each.hub === hub && each.partition === partition))
        found.push(`I9 ${group} has no checkpoint for ${hub}/${partition}, which has events`);
    }
  }
  return found;
}

const CHECKPOINTED = [
  ['delivery-requests', 'scheduler'],
  ['drone-events', 'scheduler'],
  ['drone-telemetry', 'drone'],
  ['domain-events', 'delivery'],
] as const;

type Parsed = HubEvent & { readonly body: Readonly<Record<string, unknown>> };

function domainEvents({ evidence }: View, type?: string): Parsed[] {
  return evidence.hubs['domain-events'].filter(
    (event): event is Parsed =>
      event.body?.['specversion'] === '1.0' && (type === undefined || event.body['type'] === type),
  );
}

/** A message may hold anything, also what `String` throws at. */
const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** Events are published at least once: the first of each id counts. */
function firstOfEach<T>(events: readonly T[], idOf: (event: T) => unknown): T[] {
  const seen = new Set<unknown>();
  return events.filter((event) => {
    const id = idOf(event);
    if (id === undefined || seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}
