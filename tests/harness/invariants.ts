/** An independent reader of the stores: what must be true once every workflow has ended (design: I1 to I5). */
import { CosmosClient } from '@azure/cosmos';
import type { Endpoints } from '../../platform/endpoints.ts';
import { until } from './platform.ts';

interface Stored {
  readonly id: string;
  readonly type?: string;
  readonly deliveryId?: string;
  readonly sequence?: number;
  readonly hold?: { readonly deliveryId: string } | null;
  readonly outcome?: { readonly kind: string };
  readonly effects?: Readonly<Record<string, { readonly status: string }>>;
  readonly held?: number;
  readonly status?: string;
  readonly entry?: { readonly deliveryId: string };
}

/** The breaches that are still there when what was under way has had `ms` to end; empty when all is well. */
export async function lastingBreaches(endpoints: Endpoints, ms = 20_000): Promise<string[]> {
  const sound = async () => ((await breaches(endpoints)).length === 0 ? true : undefined);
  await until(sound, 'no breach', ms).catch(() => undefined);
  return breaches(endpoints);
}

/** Every breach, in words; empty when all is well. */
async function breaches({ cosmos }: Endpoints): Promise<string[]> {
  const client = new CosmosClient({
    endpoint: cosmos.endpoint,
    key: cosmos.key,
    connectionPolicy: { enableEndpointDiscovery: false },
  });
  const all = async (container: string) =>
    (await client.database(cosmos.database).container(container).items.readAll<Stored>().fetchAll())
      .resources;
  const [workflows, drones, accounts, deliveries, history, bookings] = await Promise.all(
    ['workflows', 'drones', 'accounts', 'deliveries', 'history', 'bookings'].map(all),
  );
  client.dispose();
  const found: string[] = [];
  const entries = Map.groupBy(
    (history ?? []).filter(({ type }) => type === 'entry'),
    ({ entry }) => entry?.deliveryId,
  );
  for (const workflow of (workflows ?? []).filter(({ type }) => type === 'workflow')) {
    const { deliveryId, outcome, effects = {} } = workflow;
    if (!outcome) {
      found.push(`I1 ${deliveryId} has not ended`);
      continue;
    }
    const created =
      effects['createDelivery'] !== undefined && effects['createDelivery'].status !== 'intended';
    const wanted = created ? 1 : 0;
    const has = entries.get(deliveryId)?.length ?? 0;
    if (has !== wanted)
      found.push(`I1 ${deliveryId} (${outcome.kind}) has ${has} history entries, not ${wanted}`);
    const open = Object.entries(effects).filter(([, { status }]) => status === 'compensationFailed');
    if (open.length > 0)
      found.push(
        `I3 ${deliveryId} has effects that were not compensated: ${open.map(([name]) => name).join(', ')}`,
      );
  }
  for (const drone of (drones ?? []).filter(({ hold }) => hold)) {
    found.push(`I2 a drone is still held for ${drone.hold?.deliveryId}`);
  }
  for (const account of (accounts ?? []).filter(({ held }) => held !== undefined && held !== 0)) {
    found.push(`I2 ${account.id} still holds quota for ${account.held}`);
  }
  const ended = new Set(
    (workflows ?? []).filter(({ outcome }) => outcome).map(({ deliveryId }) => deliveryId),
  );
  for (const booking of (bookings ?? []).filter(
    ({ status }) => status === 'Booked' || status === 'Collected',
  )) {
    if (ended.has(booking.deliveryId))
      found.push(`I2 a booking of ${booking.deliveryId} is still ${booking.status}`);
  }
  const tracking = Map.groupBy(
    (deliveries ?? []).filter(({ type }) => type === 'tracking'),
    ({ deliveryId }) => deliveryId,
  );
  for (const [deliveryId, events] of tracking) {
    const sequences = events.map(({ sequence }) => sequence ?? -1).toSorted((a, b) => a - b);
    if (sequences.some((sequence, index) => sequence !== index))
      found.push(`I5 ${deliveryId} has events ${sequences.join(', ')}`);
  }
  return found;
}
