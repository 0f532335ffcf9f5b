/** One violation of each invariant, planted into what a sound run has left behind: the checker must find it. */
import type { ContainerName } from '../../shared/cosmos/containers.ts';
import type { HubName } from '../../shared/messaging/hubs.ts';
import type { Evidence, HubEvent, Item } from './evidence.ts';

export interface Violation {
  /** `I1` and so on: a breach that begins so must be found. */
  readonly rule: string;
  readonly name: string;
  readonly plant: (evidence: Evidence) => Evidence;
}

type Change = (item: Item) => Item | undefined;

/** The evidence with the first document that fits replaced, or removed. @throws Error when none fits */
function withItem(
  container: ContainerName,
  fits: (item: Item, evidence: Evidence) => boolean,
  change: Change,
): Violation['plant'] {
  return (evidence) => {
    const items = evidence.stores[container];
    const index = items.findIndex((item) => fits(item, evidence));
    if (index < 0) throw new Error(`no document of ${container} fits: the run was too small`);
    const changed = change(items[index] as Item);
    const rest = items.toSpliced(index, 1, ...(changed ? [changed] : []));
    return { ...evidence, stores: { ...evidence.stores, [container]: rest } };
  };
}

function withEvent(
  hub: HubName,
  fits: (body: Readonly<Record<string, unknown>>) => boolean,
  change: (event: HubEvent) => readonly HubEvent[],
): Violation['plant'] {
  return (evidence) => {
    const events = evidence.hubs[hub];
    const index = events.findIndex(({ body }) => body !== undefined && fits(body));
    if (index < 0) throw new Error(`no event of ${hub} fits: the run was too small`);
    const changed = events.toSpliced(index, 1, ...change(events[index] as HubEvent));
    return { ...evidence, hubs: { ...evidence.hubs, [hub]: changed } };
  };
}

const isWorkflow =
  (...kinds: readonly string[]) =>
  ({ type, outcome }: Item) =>
    type === 'workflow' && kinds.includes((outcome as { kind: string } | undefined)?.kind ?? 'none');
const isOfAnEndedDelivery =
  (wanted: string) =>
  ({ type, deliveryId }: Item, { stores }: Evidence) =>
    type === wanted &&
    stores.workflows.some((item) => item['deliveryId'] === deliveryId && item['outcome'] !== undefined);
/** Signals of carriers come over HTTP, and no hub has them. */
const isOfAFlight = ({ type, facts }: Item) =>
  type === 'inbox' && (facts as { missionId?: string }).missionId !== undefined;
const hasType = (type: string) => (item: Item) => item['type'] === type;
const without =
  (field: string): Change =>
  (item) => {
    const { [field]: _removed, ...rest } = item;
    return rest as Item;
  };
const set =
  (fields: Readonly<Record<string, unknown>>): Change =>
  (item) => ({ ...item, ...fields });
const gone: Change = () => undefined;
const body = (event: HubEvent, fields: Readonly<Record<string, unknown>>): HubEvent => ({
  ...event,
  body: { ...event.body, ...fields },
});

function effectsWith(name: string, fields: Readonly<Record<string, unknown>>): Change {
  return (item) => {
    const effects = item['effects'] as Readonly<Record<string, object>>;
    return { ...item, effects: { ...effects, [name]: { ...effects[name], ...fields } } };
  };
}

const COMPENSATED = ['cancelled', 'rejected', 'failed'];
const UNKNOWN = 'a-delivery-that-does-not-exist';

export const VIOLATIONS: readonly Violation[] = [
  {
    rule: 'I0',
    name: 'a store is empty',
    plant: (evidence) => ({ ...evidence, stores: { ...evidence.stores, workflows: [] } }),
  },
  {
    rule: 'I0',
    name: 'a hub is empty',
    plant: (evidence) => ({ ...evidence, hubs: { ...evidence.hubs, 'drone-events': [] } }),
  },
  {
    rule: 'I0',
    name: 'a kind of document has another name',
    plant: (evidence) => ({
      ...evidence,
      stores: { ...evidence.stores, drones: evidence.stores.drones.map(set({ type: 'renamed' })) as Item[] },
    }),
  },
  {
    rule: 'I1',
    name: 'an accepted request without a workflow',
    plant: withItem('workflows', isWorkflow('completed'), gone),
  },
  { rule: 'I1', name: 'no history entry', plant: withItem('history', hasType('entry'), gone) },
  {
    rule: 'I1',
    name: 'two history entries',
    plant: (evidence) => {
      const entry = evidence.stores.history.find(hasType('entry')) as Item;
      const history = [...evidence.stores.history, { ...entry, id: 'again' }];
      return { ...evidence, stores: { ...evidence.stores, history } };
    },
  },
  {
    rule: 'I1',
    name: 'an outcome that does not fit the stage',
    plant: withItem('workflows', isWorkflow('completed'), set({ outcome: { kind: 'cancelled' } })),
  },
  {
    rule: 'I2',
    name: 'a drone that is held for a delivery that has ended',
    plant: withItem('drones', hasType('registry'), set({ hold: { deliveryId: UNKNOWN } })),
  },
  {
    rule: 'I2',
    name: 'a flight job that was not released',
    plant: withItem('droneDeliveries', isOfAnEndedDelivery('job'), set({ status: 'Accepted' })),
  },
  {
    rule: 'I2',
    name: 'a booking that stands',
    plant: withItem('bookings', isOfAnEndedDelivery('booking'), set({ status: 'Booked' })),
  },
  {
    rule: 'I2',
    name: 'quota that is held',
    plant: withItem('accounts', isOfAnEndedDelivery('hold'), set({ status: 'Held' })),
  },
  {
    rule: 'I2',
    name: 'quota that was released twice',
    plant: withItem('accounts', hasType('account'), set({ held: -1 })),
  },
  {
    rule: 'I3',
    name: 'an effect of unknown outcome that was not compensated',
    plant: withItem(
      'workflows',
      isWorkflow(...COMPENSATED),
      effectsWith('reserveDrone', { status: 'intended', at: '2026-01-01T00:00:00Z' }),
    ),
  },
  {
    rule: 'I3',
    name: 'a compensation in the wrong order',
    plant: withItem(
      'workflows',
      isWorkflow(...COMPENSATED),
      effectsWith('holdQuota', { status: 'compensated', at: '2000-01-01T00:00:00Z' }),
    ),
  },
  {
    rule: 'I3',
    name: 'a compensation that was left out',
    plant: withItem('workflows', isWorkflow(...COMPENSATED), without('pendingOutcome')),
  },
  {
    rule: 'I4',
    name: 'a delivery that two drones picked up',
    plant: withEvent(
      'drone-events',
      ({ kind }) => kind === 'PickedUp',
      (event) => [event, body(event, { eventId: 'another', droneId: 'another-drone' })],
    ),
  },
  {
    rule: 'I4',
    name: 'a drone that picks up a second delivery',
    plant: withEvent(
      'drone-events',
      ({ kind }) => kind === 'PickedUp',
      (event) => [event, body(event, { eventId: 'another', deliveryId: UNKNOWN })],
    ),
  },
  {
    rule: 'I4',
    name: 'one fence for two deliveries',
    plant: withEvent(
      'domain-events',
      ({ type }) => type === 'DroneAssigned',
      (event) => [
        event,
        body(event, { id: 'another', data: { ...(event.body?.['data'] as object), deliveryId: UNKNOWN } }),
      ],
    ),
  },
  {
    rule: 'I5',
    name: 'a gap in the events of a delivery',
    plant: withItem(
      'deliveries',
      ({ type, sequence }) => type === 'tracking' && sequence === 1,
      set({ sequence: 77 }),
    ),
  },
  {
    rule: 'I5',
    name: 'a stage that no event tells',
    plant: withItem('deliveries', hasType('delivery'), set({ stage: 'Returning' })),
  },
  {
    rule: 'I5',
    name: 'events that were published in another order',
    plant: withEvent(
      'domain-events',
      ({ type }) => type === 'DeliveryCreated',
      (event) => [body(event, { id: 'early', data: { sequence: 5 } }), event],
    ),
  },
  {
    rule: 'I6',
    name: 'an event that was never published',
    plant: withEvent(
      'domain-events',
      ({ type }) => type === 'DeliveryCompleted',
      () => [],
    ),
  },
  {
    rule: 'I6',
    name: 'an event without a change of state',
    plant: withItem('deliveries', hasType('event'), gone),
  },
  {
    rule: 'I6',
    name: 'an event with two contents',
    plant: withEvent(
      'domain-events',
      ({ type }) => type === 'DeliveryCompleted',
      (event) => [event, body(event, { data: {} })],
    ),
  },
  {
    rule: 'I6',
    name: 'a command that was never sent',
    plant: withEvent(
      'drone-commands',
      ({ kind }) => kind === 'Mission',
      () => [],
    ),
  },
  {
    rule: 'I7',
    name: 'two deliveries for one Idempotency-Key',
    plant: (evidence) => ({
      ...evidence,
      answers: ['one', 'two'].map((deliveryId) => ({ idempotencyKey: 'key', deliveryId })),
    }),
  },
  {
    rule: 'I7',
    name: 'two drones for one mission',
    plant: withEvent(
      'drone-commands',
      ({ kind }) => kind === 'Mission',
      (event) => [event, body(event, { droneId: 'another-drone' })],
    ),
  },
  {
    rule: 'I7',
    name: 'one message with two contents',
    plant: withEvent(
      'delivery-requests',
      ({ operation }) => operation === 'delivery',
      (event) => [event, body(event, { request: { deliveryId: UNKNOWN } })],
    ),
  },
  {
    rule: 'I8',
    name: 'a workflow that has not ended, and no operator knows',
    plant: withItem('workflows', isWorkflow('completed'), without('outcome')),
  },
  {
    rule: 'I8',
    name: 'a request that was never published',
    plant: withItem('requests', hasType('request'), set({ pending: true })),
  },
  {
    rule: 'I9',
    name: 'a flight event that nothing came of',
    plant: withItem('workflows', isOfAFlight, gone),
  },
  {
    rule: 'I9',
    name: 'a message that is neither processed nor a dead letter',
    plant: withEvent(
      'domain-events',
      ({ specversion }) => specversion === '1.0',
      (event) => [{ ...event, body: undefined }],
    ),
  },
  {
    rule: 'I9',
    name: 'a partition that is blocked',
    plant: (evidence) => ({
      ...evidence,
      checkpoints: evidence.checkpoints.map((each) => ({
        ...each,
        sequence: each.hub === 'drone-events' ? each.sequence - 1 : each.sequence,
      })),
    }),
  },
];

/** The violations that the checker does not find. */
export function overlooked(
  evidence: Evidence,
  breachesOf: (evidence: Evidence) => readonly string[],
): string[] {
  const known = new Set(breachesOf(evidence));
  return VIOLATIONS.filter(({ rule, plant }) => {
    const found = breachesOf(plant(evidence)).filter((breach) => !known.has(breach));
    return !found.some((breach) => breach.startsWith(`${rule} `));
  }).map(({ rule, name }) => `${rule} ${name}`);
}
