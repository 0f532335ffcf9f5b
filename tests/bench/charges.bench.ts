/**
 * What a delivery costs, step by step: requests to Cosmos DB by container and operation with their request units, events
 * for Event Hubs, executions of functions. `npm run bench:charges`
 *
 * One delivery at a time on the real services and the local Cosmos DB server, in one process; the orchestration runs
 * without an engine, so every request belongs to one activity. Request units are estimates by the published rules
 * (local/cosmos/charges.ts). Not counted: the change feeds' polling, and what the consumers of domain events do.
 */
import { type Journey, type JourneyEvent, startWorld } from '../contract/saga.fixture.ts';
import { type CosmosRequest, countCosmosRequests } from '../harness/cosmos-requests.ts';

const FLIGHT: readonly JourneyEvent[] = [
  { at: 1, kind: 'MissionAccepted' },
  { at: 5, kind: 'TookOff' },
  { at: 60, kind: 'PickedUp' },
  { at: 120, kind: 'Delivered' },
];
const JOURNEYS: readonly Journey[] = [
  { name: 'by drone', events: FLIGHT, leaves: {} },
  {
    name: 'by carrier',
    weight: 20,
    carrierServes: true,
    events: [
      { at: 50, kind: 'Departed' },
      { at: 100, kind: 'Collected' },
      { at: 200, kind: 'CarrierDelivered' },
    ],
    leaves: {},
  },
];
/** Outbox items of one delivery lie in these containers. */
const OUTBOXES = ['workflows', 'deliveries', 'droneDeliveries', 'bookings'] as const;

using requests = countCosmosRequests();
const activities: string[] = [];
await using world = await startWorld({
  onPhase: (name) => {
    requests.label = name.replace('scheduler_', '');
    if (name.startsWith('scheduler_')) activities.push(name);
  },
});
// Connections, partition ranges and query plans are asked for once.
for (const journey of JOURNEYS) await world.travel(journey);
for (const journey of JOURNEYS) {
  activities.length = 0;
  requests.all.length = 0;
  const { deliveryId } = await world.travel(journey);
  const events = await Promise.all(OUTBOXES.map((name) => outboxItems(name, deliveryId)));
  print(journey, [...requests.all], events.flat().length);
}

async function outboxItems(container: (typeof OUTBOXES)[number], deliveryId: string) {
  const store = world.harness.database.store(container);
  requests.label = 'fixture';
  return (await store.query("SELECT c.id FROM c WHERE c.type = 'event'", {}, { partitionKey: deliveryId }))
    .items;
}

function print({ name, events }: Journey, all: readonly CosmosRequest[], outbox: number): void {
  const counted = all.filter(({ label }) => label !== 'fixture' && label !== 'prepare');
  const takeOff = counted.findIndex(({ label }) => label === 'event TookOff');
  const lines = [...Map.groupBy(counted, ({ label }) => label)].map(([label, list]) => row(label, list));
  lines.push(row('**all**', counted));
  if (takeOff >= 0) lines.push(row('**until take-off**', counted.slice(0, takeOff)));
  const isFlight = takeOff >= 0;
  // The request's own event, and those of the flight.
  const published = 1 + (isFlight ? events.length : 0) + outbox;
  process.stdout.write(
    `\n### ${name}\n\n| Step | Requests | RU | By container and operation |\n|---|---|---|---|\n${lines.join('\n')}\n\n` +
      `Event Hubs events: ${published}. Activities: ${activities.length}. ` +
      `Events into the workflow: ${events.length + 1}.\n`,
  );
}

function row(label: string, list: readonly CosmosRequest[]): string {
  const kinds = [...Map.groupBy(list, ({ container, operation }) => `${container} ${operation}`)];
  const shown = kinds.map(([kind, { length }]) => (length === 1 ? kind : `${length} × ${kind}`)).join(', ');
  const charge = list.reduce((sum, entry) => sum + entry.charge, 0);
  return `| ${label} | ${list.length} | ${charge.toFixed(1)} | ${shown} |`;
}
