import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Id, type Position } from '../../shared/contracts/common.ts';
import { type AcceptedRequest, DeliveryRequestBody, RequestAnswer } from '../../shared/contracts/requests.ts';
import type { AppError } from '../../shared/errors.ts';
import { destination } from '../../shared/geo/distance.ts';
import { geocode, SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';
import {
  acceptedRequest,
  answerOf,
  checkPlaces,
  idempotencyId,
  plannedAnswer,
  reschedule,
  resolve,
} from './domain.ts';

const NOW = new Date('2026-11-23T12:00:00.000Z');
const FROM = '200 Market Street';
const TO = '412 Beacon Street';
const from = geocode(FROM) as Position;
const to = geocode(TO) as Position;
const outside = { latitude: 0, longitude: 0, altitude: 0 };
const owner = { userId: 'ann', accountId: 'contoso' };

const body = (change: object = {}): DeliveryRequestBody =>
  DeliveryRequestBody.parse({
    ownerId: 'contoso',
    pickupLocation: FROM,
    dropOffLocation: TO,
    packageInfo: { size: 'Small', weight: 1 },
    ...change,
  });
const accepted = (change: object = {}) =>
  acceptedRequest({ body: body(change), owner, deliveryId: 'd1', now: NOW });
const refusal = (run: () => unknown): AppError => {
  try {
    run();
  } catch (error) {
    return error as AppError;
  }
  throw new Error('it was not refused');
};
const errorsOf = (run: () => unknown) => refusal(run).options.errors;

describe('an accepted request', () => {
  test('has its places as positions, a package of its own, and nothing that was not asked for', () => {
    expect(accepted()).toStrictEqual({
      deliveryId: 'd1',
      owner,
      pickup: from,
      dropoff: to,
      expedited: false,
      confirmationRequired: 'None',
      package: { id: 'p-d1', size: 'Small', weight: 1 },
      acceptedAt: NOW.toISOString(),
    });
  });

  test('keeps the package’s id and tag, the confirmation, and the deadline in UTC', () => {
    const request = accepted({
      deadline: '2026-11-23T15:00:00+01:00',
      confirmationRequired: 'Picture',
      packageInfo: { packageId: 'p1', size: 'Small', weight: 1, tag: '' },
    });
    expect(request).toMatchObject({ deadline: '2026-11-23T14:00:00.000Z', confirmationRequired: 'Picture' });
    expect(request.package).toStrictEqual({ id: 'p1', size: 'Small', weight: 1, tag: '' });
  });

  test('takes the dropoff in either spelling', () => {
    expect(accepted({ dropOffLocation: undefined, dropoffLocation: TO }).dropoff).toEqual(to);
    expect(accepted({ dropoffLocation: FROM }).dropoff).toEqual(to);
  });

  test('is one that the scheduler can read: anything else is refused before', () => {
    const tooLong = acceptedRequest.bind(undefined, {
      body: body(),
      owner: { ...owner, accountId: 'no id' },
      deliveryId: 'd1',
      now: NOW,
    });
    expect(refusal(tooLong)).toMatchObject({ code: 'invalid_request' });
    expect(errorsOf(tooLong)?.map(({ path }) => path)).toEqual(['body.owner.accountId']);
  });

  test('names every field that is wrong, at once', () => {
    const wrong = () =>
      accepted({
        pickupLocation: 'Nowhere 1',
        dropOffLocation: undefined,
        deadline: '2026-11-23T11:00:00Z',
        pickupTime: '2026-11-23T11:30:00Z',
      });
    expect(refusal(wrong)).toMatchObject({ code: 'invalid_request' });
    expect(errorsOf(wrong)).toEqual([
      {
        path: 'body.pickupLocation',
        message: 'must be "latitude,longitude" or an address in the service area',
      },
      { path: 'body.dropOffLocation', message: 'is missing' },
      { path: 'body.deadline', message: 'is in the past' },
      { path: 'body.pickupTime', message: 'must be before the deadline' },
    ]);
  });

  test('has a deadline after now and after its pickup', () => {
    const deadline = NOW.toISOString();
    expect(errorsOf(() => accepted({ deadline }))).toEqual([
      { path: 'body.deadline', message: 'is in the past' },
    ]);
    expect(accepted({ deadline: '2026-11-23T12:00:00.001Z' }).deadline).toBe('2026-11-23T12:00:00.001Z');
    const both = (pickupTime: string) => () => accepted({ pickupTime, deadline: '2026-11-23T13:00:00Z' });
    expect(errorsOf(both('2026-11-23T14:00:00+01:00'))).toEqual([
      { path: 'body.pickupTime', message: 'must be before the deadline' },
    ]);
    // A pickup time that could be is not offered yet, which is another answer.
    expect(refusal(both('2026-11-23T12:59:59Z'))).toMatchObject({ code: 'not_serviceable' });
    expect(refusal(() => accepted({ pickupTime: '2026-11-23T12:30:00Z' }))).toMatchObject({
      code: 'not_serviceable',
    });
  });

  test('is refused outside the limits of the service', () => {
    expect(refusal(() => accepted({ expedited: true }))).toMatchObject({ code: 'not_serviceable' });
    const heavy = { packageInfo: { size: 'Small', weight: 101 } };
    expect(errorsOf(() => accepted(heavy))?.map(({ path }) => path)).toEqual(['body.packageInfo.weight']);
  });
});

describe('a place', () => {
  const resolved = (text: string) => {
    const errors: object[] = [];
    return resolve(text, 'body.pickupLocation', errors as never[]) ?? errors;
  };

  test('is a position, "latitude,longitude" with or without spaces, or an address', () => {
    const { latitude, longitude } = from;
    const position = { latitude, longitude, altitude: 0 };
    for (const text of [`${latitude},${longitude}`, `  ${latitude} , ${longitude}  `])
      expect(resolved(text)).toEqual(position);
    expect(resolve(from, 'body.pickupLocation', [])).toEqual(from);
    expect(resolved(FROM)).toEqual(from);
  });

  test.each([
    '47.6',
    '47.6,',
    ',-122.3',
    '47.6,-122.3,5',
    'x47.6,-122.3',
    '47.6,-122.3x',
    '47.,-122.3',
    '47.6,-122.',
    '4e1,-122',
    '--47.6,-122.3',
  ])('of another form is not guessed: %s', (text) => {
    expect(resolved(text)).toEqual([
      {
        path: 'body.pickupLocation',
        message: 'must be "latitude,longitude" or an address in the service area',
      },
    ]);
  });

  test('that is not on the globe is refused by its field', () => {
    expect(resolved('91,0')).toEqual([expect.objectContaining({ path: 'body.pickupLocation.latitude' })]);
    expect(resolved('10,-181')).toEqual([expect.objectContaining({ path: 'body.pickupLocation.longitude' })]);
  });

  test('outside the service area is refused with the area’s bounds', () => {
    for (const place of [outside, '0,0', '12,100']) {
      expect(refusal(() => resolve(place, 'body.pickupLocation', []))).toMatchObject({
        code: 'not_serviceable',
        message: 'pickupLocation is outside the service area',
        options: {
          errors: [{ path: 'body.pickupLocation', message: 'is outside the service area' }],
          facts: { bounds: SERVICE_AREA.bounds },
        },
      });
    }
  });

  test('is another place from 20 m on', () => {
    const errorsAt = (metres: number) => {
      const errors: object[] = [];
      checkPlaces(from, destination(from, metres, 90), errors as never[]);
      return errors;
    };
    expect(errorsAt(19.9)).toEqual([
      { path: 'body.dropOffLocation', message: 'must not be the same place as pickupLocation' },
    ]);
    expect(errorsAt(20.1)).toEqual([]);
    expect(errorsOf(() => accepted({ dropOffLocation: FROM }))).toHaveLength(1);
    const errors: never[] = [];
    checkPlaces(undefined, from, errors);
    checkPlaces(from, undefined, errors);
    expect(errors).toEqual([]);
  });
});

describe('a reschedule', () => {
  test('has the fields that change, and no other', () => {
    expect(reschedule({ pickupLocation: FROM }, NOW)).toStrictEqual({ pickup: from });
    expect(reschedule({ dropOffLocation: TO }, NOW)).toStrictEqual({ dropoff: to });
    expect(reschedule({ dropoffLocation: TO }, NOW)).toStrictEqual({ dropoff: to });
    expect(reschedule({ deadline: '2026-11-23T15:00:00+01:00' }, NOW)).toStrictEqual({
      deadline: '2026-11-23T14:00:00.000Z',
    });
  });

  test('that changes nothing is refused', () => {
    expect(errorsOf(() => reschedule({}, NOW))).toEqual([
      { path: 'body', message: 'name a place or a deadline to change' },
    ]);
  });

  test('is checked as a request is', () => {
    const paths = (asked: Parameters<typeof reschedule>[0]) =>
      errorsOf(() => reschedule(asked, NOW))?.map(({ path }) => path);
    expect(paths({ pickupLocation: 'Nowhere 1', dropOffLocation: 'Nowhere 2' })).toEqual([
      'body.pickupLocation',
      'body.dropOffLocation',
    ]);
    expect(paths({ pickupLocation: FROM, dropOffLocation: FROM })).toEqual(['body.dropOffLocation']);
    expect(paths({ deadline: '2026-11-23T11:00:00Z' })).toEqual(['body.deadline']);
    expect(refusal(() => reschedule({ pickupTime: '2026-11-23T13:00:00Z' }, NOW))).toMatchObject({
      code: 'not_serviceable',
    });
    expect(refusal(() => reschedule({ pickupLocation: outside }, NOW))).toMatchObject({
      code: 'not_serviceable',
    });
  });
});

describe('an answer', () => {
  const request: AcceptedRequest = {
    ...accepted({ packageInfo: { packageId: 'p1', size: 'Large', weight: 2, tag: '' } }),
    pickupTime: NOW.toISOString(),
    deadline: '2026-11-23T14:00:00.000Z',
  };

  test('gives the request back in the customer’s words', () => {
    expect(RequestAnswer.parse(answerOf(request))).toStrictEqual({
      deliveryId: 'd1',
      ownerId: 'contoso',
      pickupLocation: from,
      dropOffLocation: to,
      pickupTime: NOW.toISOString(),
      deadline: '2026-11-23T14:00:00.000Z',
      expedited: false,
      confirmationRequired: 'None',
      packageInfo: { packageId: 'p1', size: 'Large', weight: 2, tag: '' },
    });
  });

  test('has no field that the request has not', () => {
    const answer = answerOf(accepted());
    for (const field of ['pickupTime', 'deadline']) expect(answer).not.toHaveProperty(field);
    expect(answer.packageInfo).not.toHaveProperty('tag');
  });

  test('of a rescheduled request has the places and times that are carried out', () => {
    const planned = plannedAnswer(request, {
      pickup: to,
      dropoff: from,
      deadline: '2026-11-23T16:00:00.000Z',
    });
    expect(planned).toStrictEqual({
      ...answerOf(request),
      pickupLocation: to,
      dropOffLocation: from,
      deadline: '2026-11-23T16:00:00.000Z',
    });
  });
});

test('an idempotency key is its caller’s, and any key makes a valid item id', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), fc.string({ maxLength: 300 }), (user, key) => {
      expect(Id.safeParse(idempotencyId(user, key)).success).toBe(true);
    }),
  );
  expect(idempotencyId('ann', 'k')).toMatch(/^idempotency-[0-9a-f]{64}$/);
  const ids = [
    idempotencyId('ann', 'k'),
    idempotencyId('bob', 'k'),
    idempotencyId('ann', 'l'),
    idempotencyId('an', 'nk'),
  ];
  expect(new Set(ids).size).toBe(4);
});
