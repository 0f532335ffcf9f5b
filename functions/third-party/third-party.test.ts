import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as contract from '../../shared/contracts/third-party.ts';
import { putInboxEvent } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import { offer, startCarrier, type TestCarrier } from '../../tests/harness/carrier.ts';
import { carrier, type Harness, service, startHarness } from '../../tests/harness/service.ts';
import type { BookingDocument } from './schemas.ts';
import { thirdPartyService } from './third-party.functions.ts';

let harness: Harness;
let cheap: TestCarrier;
let dear: TestCarrier;
let inbox: Map<string, string>;
let told: string[];
let places: unknown[];
let scheduler: 'there' | 'away' | 'knows nothing';

beforeEach(async () => {
  [cheap, dear] = await Promise.all([startCarrier(10), startCarrier(30)]);
  const list = [
    { carrierId: 'dear', url: dear.url },
    { carrierId: 'cheap', url: `${cheap.url}/`, apiKey: 'secret' },
  ];
  harness = await startHarness({
    containers: ['bookings'],
    settings: { CARRIERS: JSON.stringify(list), OUTBOUND_ALLOW_LOOPBACK: 'true' },
  });
  harness.add('third-party', thirdPartyService);
  [inbox, told, places, scheduler] = [new Map(), [], [], 'there'];
  harness.answer(putInboxEvent, ({ params, body }) => {
    if (scheduler === 'away') return Promise.reject(new AppError('dependency_unavailable', 'away'));
    if (scheduler === 'knows nothing') return Promise.reject(new AppError('not_found', 'no workflow'));
    if (!inbox.has(params.eventId)) {
      told.push(body.kind);
      places.push(body.position);
    }
    inbox.set(params.eventId, body.kind);
    return Promise.resolve({ status: 202, body: { deliveryId: params.deliveryId } });
  });
});
afterEach(async () => {
  await Promise.all([harness, cheap, dear].map((each) => each[Symbol.asyncDispose]()));
});

const shipment = {
  owner: { userId: 'ann', accountId: 'contoso' },
  pickup: { latitude: 47.6, longitude: -122.3, altitude: 0 },
  dropoff: { latitude: 47.7, longitude: -122.4, altitude: 0 },
  weight: 40,
  size: 'Large',
};
const params = { deliveryId: 'd1' };
const book = (more: object = {}) =>
  harness.request(contract.bookCarrier, { as: service('contoso'), params, body: { ...shipment, ...more } });
const cancel = () => harness.request(contract.cancelCarrier, { as: service('contoso'), params });
const tell = (eventId: string, event: string, by = 'cheap', more: object = {}) =>
  harness.request(contract.carrierEvent, {
    as: carrier(by),
    params,
    body: { bookingId: 'd1', eventId, event, at: '2026-11-23T13:00:00.000Z', ...more },
  });
const stored = async () =>
  (await harness.database.store<BookingDocument>('bookings').read('booking', 'd1'))?.item;
const events = async () => {
  const sql = "SELECT VALUE c.body.type FROM c WHERE c.type = 'event'";
  return (await harness.database.store('bookings').query<string>(sql, {}, { partitionKey: 'd1' })).items;
};

describe('quotes', () => {
  test('come from all carriers, cheapest first; refusals and silence have their reasons', async () => {
    const quote = () => harness.request(contract.quoteCarriers, { as: service('contoso'), body: shipment });
    expect(await quote()).toMatchObject({
      body: { offers: [{ carrierId: 'cheap' }, { carrierId: 'dear' }] },
    });
    cheap.mood.quote = { canServe: false, reasons: ['too heavy'] };
    dear.mood.quote = 'nonsense';
    expect((await quote()).body).toEqual({
      offers: [],
      refusals: [{ carrierId: 'cheap', reasons: ['too heavy'] }],
      silent: ['dear'],
    });
  });

  test('wait 3 s for a silent carrier and no longer; the others’ offers are there', async () => {
    cheap.mood.quote = 'silent';
    const answer = await harness.request(contract.quoteCarriers, { as: service('contoso'), body: shipment });
    expect(answer.body).toMatchObject({
      offers: [{ carrierId: 'dear' }],
      refusals: [],
      silent: ['cheap'],
    });
  });

  test('and bookings follow no redirection: the API key goes nowhere else', async () => {
    [cheap.mood.redirectTo, dear.mood.quote] = [`${dear.url}/stolen`, { canServe: false, reasons: ['full'] }];
    const answer = await harness.request(contract.quoteCarriers, { as: service('contoso'), body: shipment });
    expect(answer.body).toMatchObject({ offers: [], silent: ['cheap'] });
    delete cheap.mood.redirectTo;
    cheap.mood.beforeBooking = () => Promise.resolve(void (cheap.mood.redirectTo = `${dear.url}/stolen`));
    expect((await book()).status).toBe(201);
    expect(await cancel()).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } });
    expect(cheap.calls.some(({ path }) => path.startsWith('/quotes'))).toBe(true);
    expect(dear.calls.filter(({ path }) => path.includes('stolen'))).toEqual([]);
  });
});

test('a booking that its carrier does not know is still cancelled', async () => {
  await book();
  cheap.mood.cancel = 'unknown';
  expect((await cancel()).status).toBe(204);
  expect((await stored())?.status).toBe('Cancelled');
});

describe('booking', () => {
  test('takes the cheapest, tells it no more than it needs, and announces it in the same write', async () => {
    const answer = await book();
    expect(answer).toMatchObject({
      status: 201,
      body: { carrierId: 'cheap', status: 'Booked', bookingId: 'd1' },
    });
    const request = cheap.bookings.get('d1');
    expect(request?.callbackUrl).toMatch(/\/api\/thirdpartydeliveries\/d1\/events$/);
    expect(JSON.stringify(request)).not.toContain('ann');
    expect(cheap.calls.every(({ apiKey }) => apiKey === 'secret')).toBe(true);
    expect(dear.bookings.size).toBe(0);
    expect(await events()).toEqual(['CarrierBooked']);
  });

  test('takes the cheapest that meets the deadline', async () => {
    cheap.mood.quote = offer(1, '2026-11-23T18:00:00.000Z');
    expect((await book({ deadline: '2026-11-23T15:00:00.000Z' })).body).toMatchObject({ carrierId: 'dear' });
  });

  test('is one, no matter how often and when it is requested', async () => {
    const answers = await Promise.all([book(), book(), book(), book()]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 200, 201]);
    expect(await book()).toMatchObject({ status: 200, body: { carrierId: 'cheap' } });
    expect([cheap.bookings.size, dear.bookings.size]).toEqual([1, 0]);
    expect(await events()).toEqual(['CarrierBooked']);
  });

  test('goes on with the same carrier after an unknown outcome, though another is cheaper by now', async () => {
    cheap.mood.book = 'books, then fails';
    expect(await book()).toMatchObject({ status: 503 });
    expect(await stored()).toMatchObject({ status: 'Intended', carrierId: 'cheap' });
    cheap.mood.book = 'yes';
    dear.mood.quote = offer(1);
    expect(await book()).toMatchObject({ status: 201, body: { carrierId: 'cheap' } });
    expect([cheap.bookings.size, dear.bookings.size]).toEqual([1, 0]);
  });

  test('goes to the next carrier when one refuses what it offered', async () => {
    cheap.mood.book = 'refuses';
    expect(await book()).toMatchObject({ status: 201, body: { carrierId: 'dear' } });
  });

  test('that no carrier takes is 409 with every carrier’s reasons, every time', async () => {
    cheap.mood.book = 'refuses';
    dear.mood.quote = { canServe: false, reasons: ['too heavy'] };
    const reasons = [
      { carrierId: 'cheap', reasons: ['full'] },
      { carrierId: 'dear', reasons: ['too heavy'] },
    ];
    expect(await book()).toMatchObject({ status: 409, body: { code: 'no_carrier', reasons } });
    expect(await book()).toMatchObject({ status: 409, body: { code: 'no_carrier', reasons } });
  });

  test('is not refused for good while a carrier has not answered', async () => {
    cheap.mood.quote = { canServe: false, reasons: ['too heavy'] };
    dear.mood.quote = 'nonsense';
    expect(await book()).toMatchObject({
      status: 503,
      body: { reasons: [{ carrierId: 'cheap' }, { carrierId: 'dear' }] },
    });
  });

  test('an answer of the database that was lost leaves one booking', async () => {
    harness.cosmos.faults.add({ kind: 'drop', container: 'bookings', operation: 'batch', count: 1 });
    await book();
    expect([200, 201]).toContain((await book()).status);
    expect(cheap.bookings.size).toBe(1);
    expect(await events()).toEqual(['CarrierBooked']);
  });
});

describe('cancelling', () => {
  test('takes the booking back at the carrier, and succeeds again when it is gone', async () => {
    await book();
    expect([(await cancel()).status, (await cancel()).status]).toEqual([204, 204]);
    expect(cheap.bookings.size).toBe(0);
    expect(cheap.calls.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  });

  test('before any booking forbids the one that comes late', async () => {
    expect((await cancel()).status).toBe(204);
    expect(await book()).toMatchObject({ status: 409, body: { code: 'stale' } });
    expect([cheap.bookings.size, dear.bookings.size]).toEqual([0, 0]);
  });

  test('an intent of unknown outcome takes it back at the carrier, too', async () => {
    cheap.mood.book = 'books, then fails';
    await book();
    expect(cheap.bookings.size).toBe(1);
    expect((await cancel()).status).toBe(204);
    expect(cheap.bookings.size).toBe(0);
  });

  test.each([true, false])(
    'while the carrier is booking leaves no booking behind (it remembers: %s)',
    async (remembers) => {
      cheap.mood.remembers = remembers;
      cheap.mood.beforeBooking = async () => {
        cheap.mood.beforeBooking = () => Promise.resolve();
        expect((await cancel()).status).toBe(204);
      };
      expect((await book()).status).toBe(409);
      expect([cheap.bookings.size, dear.bookings.size]).toEqual([0, 0]);
      expect(await stored()).toMatchObject({ status: 'Cancelled' });
    },
  );

  test('is 409 when the carrier has collected, from either source', async () => {
    await book();
    cheap.mood.cancel = 'collected';
    expect(await cancel()).toMatchObject({ status: 409, body: { code: 'package_on_board' } });
    expect(await stored()).toMatchObject({ status: 'Booked' });
    cheap.mood.cancel = 'yes';
    await tell('e1', 'Collected');
    expect(await cancel()).toMatchObject({ status: 409, body: { code: 'package_on_board' } });
  });

  test('that the carrier could not answer is retried until it is done', async () => {
    await book();
    cheap.mood.cancel = 'fails';
    expect((await cancel()).status).toBe(503);
    expect((await book()).status).toBe(409);
    cheap.mood.cancel = 'yes';
    expect((await cancel()).status).toBe(204);
    expect(cheap.bookings.size).toBe(0);
  });
});

describe('a carrier’s events', () => {
  test('reach the workflow once and in order, no matter how often they are repeated', async () => {
    await book();
    for (const [id, event] of [
      ['e1', 'Collected'],
      ['e1', 'Collected'],
      ['e2', 'Delivered'],
      ['e1', 'Collected'],
    ]) {
      expect((await tell(id as string, event as string)).status).toBe(204);
    }
    await Promise.all([tell('e2', 'Delivered'), tell('e2', 'Delivered')]);
    expect(told).toEqual(['CarrierCollected', 'CarrierDelivered']);
    expect(await stored()).toMatchObject({ status: 'Delivered' });
  });

  test('reach the workflow with their places; a departure is told once, and not after the collection', async () => {
    await book();
    const position = { latitude: 47.65, longitude: -122.31, altitude: 0 };
    await tell('e0', 'Departed', 'cheap', { position });
    await tell('e0', 'Departed', 'cheap', { position });
    await tell('e0b', 'Departed');
    expect(await stored()).toMatchObject({ status: 'Departed' });
    await tell('e2', 'Delivered', 'cheap', { position: shipment.dropoff });
    await tell('e3', 'Departed');
    expect(told).toEqual(['CarrierDeparted', 'CarrierCollected', 'CarrierDelivered']);
    expect(places).toEqual([position, undefined, shipment.dropoff]);
  });

  test('that it has departed does not keep a booking from being cancelled', async () => {
    await book();
    await tell('e0', 'Departed');
    expect((await cancel()).status).toBe(204);
    expect(cheap.bookings.size).toBe(0);
  });

  test('are not answered 204 before the workflow has them; the repetition tells it', async () => {
    await book();
    scheduler = 'away';
    expect((await tell('e1', 'Collected')).status).toBe(503);
    expect(await stored()).toMatchObject({ status: 'Collected' });
    scheduler = 'there';
    expect((await tell('e1', 'Collected')).status).toBe(204);
    expect(told).toEqual(['CarrierCollected']);
  });

  test('a delivery whose collection was never told was collected, too', async () => {
    await book();
    await tell('e2', 'Delivered');
    await tell('e1', 'Collected');
    expect(told).toEqual(['CarrierCollected', 'CarrierDelivered']);
  });

  test('a failure says why; what comes after an end changes nothing', async () => {
    await book();
    await tell('e1', 'Failed', 'cheap', { reason: 'flat tyre' });
    expect((await tell('e2', 'Delivered')).status).toBe(204);
    expect(told).toEqual(['CarrierFailed']);
    expect(await stored()).toMatchObject({ status: 'Failed' });
    expect((await cancel()).status).toBe(204);
  });

  test('are taken for one’s own booking only: anything else is 404', async () => {
    await book();
    expect((await tell('e1', 'Collected', 'dear')).status).toBe(404);
    expect((await tell('e1', 'Collected', 'cheap', { bookingId: 'other' })).status).toBe(404);
    const nobody = { as: { subject: 'x', roles: ['carrier'] as const }, params };
    const body = { bookingId: 'd1', eventId: 'e', event: 'Collected', at: '2026-11-23T13:00:00.000Z' };
    expect((await harness.request(contract.carrierEvent, { ...nobody, body })).status).toBe(404);
    expect(told).toEqual([]);
  });

  test('before the booking is confirmed are asked for again, and of a workflow that is none are 404', async () => {
    cheap.mood.book = 'books, then fails';
    await book();
    expect(await tell('e1', 'Collected')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    cheap.mood.book = 'yes';
    await book();
    scheduler = 'knows nothing';
    expect((await tell('e1', 'Collected')).status).toBe(404);
  });
});

describe('the list of open bookings (W13)', () => {
  const list = async (as = service()) => {
    const query = { before: new Date(harness.clock.now.getTime() - 60_000).toISOString() };
    return (await harness.request(contract.listBookings, { as, query })).body?.['bookings'];
  };

  test('has a booking from a minute after its last change until it has ended, and says who has the parcel', async () => {
    await book();
    expect(await list()).toEqual([]);
    harness.clock.advance(61);
    const at = (await stored())?.updatedAt;
    const booking = { deliveryId: 'd1', accountId: 'contoso', carrierId: 'cheap', at };
    expect(await list()).toEqual([{ ...booking, hasParcel: false }]);
    expect(await list(service('tailwind'))).toEqual([]);
    await tell('e1', 'Collected');
    harness.clock.advance(61);
    expect(await list()).toMatchObject([{ hasParcel: true }]);
    await tell('e2', 'Delivered');
    harness.clock.advance(61);
    expect(await list()).toEqual([]);
  });

  test('has none that was cancelled', async () => {
    await book();
    await cancel();
    harness.clock.advance(61);
    expect(await list()).toEqual([]);
  });
});
