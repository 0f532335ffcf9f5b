/** All services on real stores behind the real verifier, with one of everything for each of two accounts. */
import { isDeepStrictEqual } from 'node:util';
import { accountService } from '../../functions/account/account.functions.ts';
import { deliveryService } from '../../functions/delivery/delivery.functions.ts';
import { deliveryHistoryService } from '../../functions/delivery-history/delivery-history.functions.ts';
import { droneService } from '../../functions/drone/drone.functions.ts';
import { fleetOf } from '../../functions/drone/fleet.fixture.ts';
import { ingestionService } from '../../functions/ingestion/ingestion.functions.ts';
import { packageService } from '../../functions/package/package.functions.ts';
import { createWorkflowRepository } from '../../functions/scheduler/repository.ts';
import { schedulerService } from '../../functions/scheduler/scheduler.functions.ts';
import { supervisorService } from '../../functions/supervisor/supervisor.functions.ts';
import { thirdPartyService } from '../../functions/third-party/third-party.functions.ts';
import * as accounts from '../../shared/contracts/accounts.ts';
import * as deliveries from '../../shared/contracts/deliveries.ts';
import * as drones from '../../shared/contracts/drones.ts';
import * as history from '../../shared/contracts/history.ts';
import * as packages from '../../shared/contracts/packages.ts';
import * as requests from '../../shared/contracts/requests.ts';
import { AcceptedRequest } from '../../shared/contracts/requests.ts';
import * as supervisor from '../../shared/contracts/supervisor.ts';
import * as thirdParty from '../../shared/contracts/third-party.ts';
import { CONTAINERS, type ContainerName } from '../../shared/cosmos/containers.ts';
import type { Route } from '../../shared/http/define-route.ts';
import type { ServiceName } from '../../shared/service-names.ts';
import { offer, startCarrier } from '../harness/carrier.ts';
import { customer, type Harness, operator, service, startHarness } from '../harness/service.ts';
import { AUDIENCE, startTokenIssuer, type TokenIssuer } from '../harness/tokens.ts';

export const PICKUP = { latitude: 47.605, longitude: -122.33, altitude: 0 };
export const DROPOFF = { latitude: 47.61, longitude: -122.335, altitude: 0 };
export const LATER = '2026-11-23T18:00:00.000Z';
export const ETA = { at: LATER, earliest: LATER, latest: LATER };

/** What belongs to one account: the values of path and query parameters that lead to it. */
export interface Belongings {
  readonly accountId: string;
  readonly userId: string;
  readonly deliveryId: string;
  readonly packageId: string;
  readonly linkId: string;
  readonly token: string;
  readonly fence: number;
  readonly bookingId: string;
  readonly droneId: string;
  readonly hub: string;
  readonly day: string;
  readonly letterId: string;
  readonly itemId: string;
}

export interface World extends AsyncDisposable {
  readonly harness: Harness;
  readonly issuer: TokenIssuer;
  readonly contoso: Belongings;
  readonly tailwind: Belongings;
  /** Puts back what a call has made, changed or removed in the containers of one service, or of all. */
  restore(service?: ServiceName): Promise<void>;
  /** Every document, without the fields that the store adds. */
  contents(): Promise<Contents>;
}

export async function startWorld(settings: Readonly<Record<string, string>> = {}): Promise<World> {
  const issuer = await startTokenIssuer();
  const carrier = await startCarrier(12);
  carrier.mood.quote = offer(12, LATER);
  const containers = Object.keys(CONTAINERS) as ContainerName[];
  const carriers = JSON.stringify([{ carrierId: 'courier', url: carrier.url }]);
  const harness = await startHarness({
    containers,
    verify: issuer.verify,
    settings: {
      CARRIERS: carriers,
      OUTBOUND_ALLOW_LOOPBACK: 'true',
      WEBHOOK_SIGNING_KEYS: 'a-key-of-the-tests-that-has-32-characters',
      API_AUDIENCE: AUDIENCE,
      IDENTITY_ISSUER: issuer.url,
      ...settings,
    },
  });
  harness.add('account', accountService);
  harness.add('package', packageService);
  harness.add('ingestion', ingestionService);
  harness.add('delivery', deliveryService);
  harness.add('drone', droneService);
  harness.add('third-party', thirdPartyService);
  harness.add('scheduler', schedulerService);
  harness.add('delivery-history', deliveryHistoryService);
  harness.add('supervisor', supervisorService);
  // A drone that is released is found again when the change feed has told of it; here none runs, so there are enough.
  await fleetOf(harness).add('drone-1', 'drone-2', 'drone-3', 'drone-4', 'drone-5');
  const contoso = await settle(harness, 'contoso', ['alice', 'anna', 'adam'], 'adam');
  const tailwind = await settle(harness, 'tailwind', ['tara', 'tom'], 'tom');
  const seeds = await snapshot(harness, containers);
  return {
    harness,
    issuer,
    contoso,
    tailwind,
    restore: async (service) => {
      const names = containers.filter((name) => !service || CONTAINERS[name].service === service);
      for (const name of names) await restore(harness, name, seeds);
    },
    contents: () => snapshot(harness, containers),
    [Symbol.asyncDispose]: async () => {
      await harness[Symbol.asyncDispose]();
      await carrier[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
    },
  };
}

/** One of everything for one account. */
async function settle(
  harness: Harness,
  accountId: string,
  users: readonly string[],
  admin: string,
): Promise<Belongings> {
  const userId = users[0] as string;
  const owner = { userId, accountId };
  const asService = service();
  const make = async (route: Route, params: Record<string, string>, body?: unknown, as = asService) => {
    const reply = await harness.request(route, { as, params, ...(body === undefined ? {} : { body }) });
    if (reply.status >= 300) throw new Error(`${route.operation}: ${JSON.stringify(reply.body)}`);
    return (reply.body ?? {}) as Record<string, string>;
  };
  await make(accounts.putAccount, { accountId }, { name: accountId, quota: 1000 }, operator);
  for (const user of users) {
    const role = user === admin ? 'account-admin' : 'customer';
    await make(accounts.putUser, { accountId, userId: user }, { name: user, role }, operator);
  }
  const as = customer(accountId, userId);
  const parcel = { size: 'Small', weight: 1 };
  const packageId = `parcel-of-${accountId}`;
  await make(packages.putPackage, { packageId }, parcel, as);
  const asked = { ownerId: accountId, pickupLocation: PICKUP, dropOffLocation: DROPOFF, packageInfo: parcel };
  const { deliveryId } = (await make(requests.submitRequest, {}, asked, as)) as { deliveryId: string };
  const message = harness.published.at(-1)?.message.body as { request: unknown };
  const workflows = createWorkflowRepository(harness.database, () => harness.clock.now, 90);
  await workflows.open(AcceptedRequest.parse(message.request), {});
  await make(accounts.holdQuota, { accountId, deliveryId }, { userId });
  const flight = { owner, pickup: PICKUP, dropoff: DROPOFF };
  const plan = { ...flight, packageId, pickupEta: ETA, deliveryEta: ETA };
  await make(deliveries.putDelivery, { deliveryId }, plan);
  const link = await make(deliveries.createShareLink, { deliveryId }, { hours: 24 });
  const reserved = await make(drones.reserveDrone, { deliveryId }, { ...flight, ...parcel, generation: 1 });
  const flown = `flown-of-${accountId}`;
  await make(drones.reserveDrone, { deliveryId: flown }, { ...flight, ...parcel, generation: 1 });
  harness.clock.advance(30);
  await make(drones.releaseDrone, { deliveryId: flown });
  const booked = await make(thirdParty.bookCarrier, { deliveryId }, { ...flight, ...parcel });
  await make(history.archiveDelivery, { deliveryId }, entryOf(deliveryId, owner));
  const letter = { hub: 'drone-events', partition: '0', sequenceNumber: Number(accountId === 'contoso') };
  const facts = { reason: 'test', step: 'parse', payload: '{}', encoding: 'text', properties: {} };
  const { id: letterId } = await make(supervisor.recordDeadLetter, {}, { ...letter, ...facts });
  const work = { deliveryId, kind: 'Overdue', step: 'reserveDrone', detail: 'test' };
  const { id: itemId } = await make(supervisor.recordWorkItem, {}, work);
  return {
    accountId,
    userId,
    deliveryId,
    packageId,
    linkId: String(link['linkId']),
    token: String(link['token']),
    fence: Number(reserved['fence']),
    bookingId: String(booked['bookingId']),
    droneId: String(reserved['droneId']),
    hub: letter.hub,
    day: harness.clock.now.toISOString().slice(0, 10),
    letterId: String(letterId),
    itemId: String(itemId),
  };
}

export function entryOf(deliveryId: string, owner: { userId: string; accountId: string }) {
  return {
    deliveryId,
    owner,
    stage: 'Completed',
    outcome: { kind: 'completed', reasons: [], at: LATER },
    pickup: PICKUP,
    dropoff: DROPOFF,
    package: { id: 'parcel', weight: 1, size: 'Small' },
    confirmationRequired: 'None',
    confirmed: false,
    distance: 700,
    requestedAt: LATER,
    endedAt: LATER,
    events: [],
  };
}

/** By container, then by partition and id. */
export type Contents = Readonly<Record<string, Readonly<Record<string, Document>>>>;

interface Document {
  readonly id: string;
  readonly [field: string]: unknown;
}

async function snapshot(harness: Harness, names: readonly ContainerName[]): Promise<Contents> {
  const contents: Record<string, Record<string, Document>> = {};
  for (const name of names) {
    const { items } = await harness.database.store(name).query<Document>('SELECT * FROM c', {});
    // What expires within the second may be gone at the next look.
    const lasting = items.filter(({ ttl }) => ttl !== 1);
    const documents = lasting.map((item) => withoutSystemFields(item));
    contents[name] = Object.fromEntries(
      documents.map((document) => [[...keyOf(name, document), document.id].join('/'), document]),
    );
  }
  return contents;
}

async function restore(harness: Harness, name: ContainerName, seeds: Contents): Promise<void> {
  const store = harness.database.store(name);
  const now = (await snapshot(harness, [name]))[name] ?? {};
  const before = seeds[name] ?? {};
  for (const [key, document] of Object.entries(now)) {
    if (!(key in before)) await store.remove(document.id, keyOf(name, document));
  }
  for (const [key, document] of Object.entries(before)) {
    if (!isDeepStrictEqual(now[key], document)) await store.upsert(document);
  }
}

function keyOf(name: ContainerName, document: Document): string[] {
  return CONTAINERS[name].partitionKey.map((path) => String(document[path.slice(1)]));
}

function withoutSystemFields(item: Document): Document {
  const kept = Object.entries(item).filter(([key]) => !key.startsWith('_'));
  return Object.fromEntries(kept) as Document;
}
