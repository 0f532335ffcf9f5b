import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type IdentityServer, startIdentity } from 'azure-local/identity';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createVerifier } from '../../shared/auth/verifier.ts';
import { checkAdmission } from '../../shared/contracts/accounts.ts';
import { quoteDrone, type RefusalGroup } from '../../shared/contracts/drones.ts';
import * as contract from '../../shared/contracts/requests.ts';
import { RequestMessage } from '../../shared/contracts/requests.ts';
import { quoteCarriers } from '../../shared/contracts/third-party.ts';
import { getWorkflow, type WorkflowView } from '../../shared/contracts/workflows.ts';
import { AppError } from '../../shared/errors.ts';
import { SERVICE_AREA } from '../../shared/geo/service-area/service-area.ts';
import { createPublisher } from '../../shared/messaging/publisher.ts';
import {
  admin,
  customer,
  type Harness,
  operator,
  type RequestOptions,
  service,
  startHarness,
} from '../../tests/harness/service.ts';
import { SUBJECTS } from '../../tests/harness/subjects.ts';
import { ADMISSION_MS } from './admission.ts';
import { ingestionService } from './ingestion.functions.ts';

const AUDIENCE = 'api://drone-delivery';
const { south, west, north, east } = SERVICE_AREA.bounds;
const at = (down: number, along: number) => ({
  latitude: north - (north - south) * down,
  longitude: west + (east - west) * along,
});
const REQUEST = {
  ownerId: 'contoso',
  pickupLocation: at(0.4, 0.4),
  dropOffLocation: at(0.7, 0.6),
  packageInfo: { size: 'Small', weight: 1.5, tag: 'books' },
};

let harness: Harness;
let root: string;
let ours: IdentityServer;
let theirs: IdentityServer;
let workflow: Partial<WorkflowView> | AppError | undefined;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ingestion-'));
  const principals = [{ id: 'alice', name: 'Alice', roles: ['customer' as const], accountId: 'contoso' }];
  const issuer = (name: string) =>
    startIdentity({ port: 0, dataDir: join(root, name), principals, clients: [], resources: [AUDIENCE] });
  [ours, theirs] = [await issuer('ours'), await issuer('theirs')];
  harness = await startHarness({
    containers: ['requests'],
    verify: createVerifier({ issuer: ours.issuer, audience: AUDIENCE }),
  });
  harness.add('ingestion', ingestionService);
  harness.answer(getWorkflow, async ({ params }) => {
    if (workflow instanceof AppError) throw workflow;
    if (!workflow) throw new AppError('not_found', 'there is no such workflow');
    const owner = { userId: 'user-1', accountId: 'contoso' };
    const updatedAt = '2026-11-23T12:00:01.000Z';
    const view = { deliveryId: params.deliveryId, owner, state: 'Processing' as const, step: 'reserveDrone' };
    const rest = { attempts: 1, generation: 1, pastPivot: false, deliveryCreated: false, updatedAt };
    const place = { latitude: 47.6, longitude: -122.3, altitude: 0 };
    const plan = { pickup: place, dropoff: place };
    const body: WorkflowView = { ...view, ...rest, plan, audit: [], ...workflow };
    return { status: 200 as const, body };
  });
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
  await Promise.all([ours.close(), theirs.close()]);
  await rm(root, { recursive: true, force: true });
});
beforeEach(() => {
  harness.published.length = 0;
  harness.broker.away = false;
  workflow = undefined;
});

const submit = (body: unknown = REQUEST, options: Partial<RequestOptions> = {}) =>
  harness.request(contract.submitRequest, { as: customer('contoso'), body, ...options });
const accept = (deliveryId: string) =>
  harness.request(contract.acceptRequest, { as: service('contoso'), params: { deliveryId } });
const idOf = async () => String((await submit()).body?.['deliveryId']);

describe('a request', () => {
  test('is on the hub before it is answered 202, under its own id and with what was asked for', async () => {
    const answer = await submit({ ...REQUEST, deliveryId: 'mine', expedited: false });
    const deliveryId = String(answer.body?.['deliveryId']);
    expect(answer).toMatchObject({
      status: 202,
      headers: { location: `http://127.0.0.1:1/api/deliveryrequests/${deliveryId}` },
      body: {
        ownerId: 'contoso',
        expedited: false,
        confirmationRequired: 'None',
        packageInfo: { packageId: `p-${deliveryId}`, size: 'Small', weight: 1.5, tag: 'books' },
      },
    });
    expect(deliveryId).not.toBe('mine');
    expect(harness.published).toMatchObject([
      {
        hub: 'delivery-requests',
        message: {
          key: deliveryId,
          properties: { operation: 'delivery' },
          body: {
            operation: 'delivery',
            request: {
              deliveryId,
              owner: { userId: 'user-1', accountId: 'contoso' },
              pickup: { ...REQUEST.pickupLocation, altitude: 0 },
            },
          },
        },
      },
    ]);
  });

  test('may write a place as position, as "lat,lon" or as an address, its kinds as words of any case or as numbers', async () => {
    const { latitude, longitude } = at(0.3, 0.5);
    const { dropOffLocation: _written, ...rest } = REQUEST;
    const body = {
      ...rest,
      pickupLocation: ` ${latitude}, ${longitude} `,
      dropoffLocation: '500 Kestrel Avenue',
      confirmationRequired: 2,
      packageInfo: { size: 'large', weight: 1 },
    };
    const answer = await submit(body);
    expect(answer).toMatchObject({
      status: 202,
      body: {
        pickupLocation: { latitude, longitude, altitude: 0 },
        confirmationRequired: 'Picture',
        packageInfo: { size: 'Large' },
      },
    });
  });

  test.each(SUBJECTS)(
    'of a user %j is one that the scheduler can read, and has a status',
    async (subject) => {
      const as = customer('contoso', subject);
      const answer = await submit(REQUEST, { as });
      expect(answer.status).toBe(202);
      const message = harness.published[0]?.message.body;
      expect(RequestMessage.parse(message)).toMatchObject({ request: { owner: { userId: subject } } });
      const params = { deliveryId: String(answer.body?.['deliveryId']) };
      expect((await harness.request(contract.getRequest, { as, params })).status).toBe(200);
      expect((await harness.request(contract.cancelRequest, { as, params })).status).toBe(202);
    },
  );

  test('that the scheduler could not read is refused before it is recorded', async () => {
    const deadline = '9999-12-31T23:59:59-14:00';
    expect(await submit({ ...REQUEST, deadline })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'body.deadline' }] },
    });
    expect(harness.published).toEqual([]);
  });

  test('with the time of another zone is kept in UTC', async () => {
    const { body } = await submit({ ...REQUEST, deadline: '2026-11-24T09:00:00+02:00' });
    expect(body?.['deadline']).toBe('2026-11-24T07:00:00.000Z');
  });
});

const NOW = '2026-11-23T12:00:00.000Z';
const without = (name: keyof typeof REQUEST) =>
  Object.fromEntries(Object.entries(REQUEST).filter(([key]) => key !== name));
const parcel = (more: object) => ({ ...REQUEST, packageInfo: { ...REQUEST.packageInfo, ...more } });
const json = JSON.stringify(REQUEST);

describe('bad input is refused with its own problem and the path of its field, and nothing is published', () => {
  const cases: [string, () => Promise<Partial<RequestOptions>>, number, string, string | undefined][] = [];
  const bad = (
    name: string,
    options: Partial<RequestOptions> | (() => Promise<Partial<RequestOptions>>),
    status: number,
    code: string,
    path?: string,
  ) => cases.push([name, typeof options === 'function' ? options : async () => options, status, code, path]);
  const badBody = (name: string, body: unknown, path: string) =>
    bad(name, { body }, 400, 'invalid_request', path);

  bad('malformed JSON', { raw: '{"ownerId": "contoso",' }, 400, 'malformed_json', 'body');
  bad('bytes that are no text', { raw: new Uint8Array([0x7b, 0xff]) }, 400, 'malformed_json', 'body');
  bad('no body', { raw: '' }, 400, 'invalid_request', 'body');
  badBody('a list', [REQUEST], 'body');
  badBody('an unknown field', { ...REQUEST, colour: 'red' }, 'body.colour');
  badBody('an unknown field within', parcel({ colour: 'red' }), 'body.packageInfo.colour');
  badBody('a wrong type', { ...REQUEST, expedited: 'yes' }, 'body.expedited');
  badBody('a place of a wrong type', { ...REQUEST, pickupLocation: 5 }, 'body.pickupLocation');
  badBody('no owner', without('ownerId'), 'body.ownerId');
  badBody('no package', without('packageInfo'), 'body.packageInfo');
  badBody('no size', { ...REQUEST, packageInfo: { weight: 1 } }, 'body.packageInfo.size');
  badBody('no pickup', without('pickupLocation'), 'body.pickupLocation');
  badBody('no dropoff', without('dropOffLocation'), 'body.dropOffLocation');
  badBody('no longitude', { ...REQUEST, pickupLocation: { latitude: 1 } }, 'body.pickupLocation.longitude');
  badBody(
    'a latitude off the globe',
    { ...REQUEST, pickupLocation: { latitude: 91, longitude: 0 } },
    'body.pickupLocation.latitude',
  );
  badBody(
    'a longitude off the globe',
    { ...REQUEST, dropOffLocation: { latitude: 0, longitude: -181 } },
    'body.dropOffLocation.longitude',
  );
  badBody('a text off the globe', { ...REQUEST, pickupLocation: '91,0' }, 'body.pickupLocation.latitude');
  badBody(
    'an address that nobody knows',
    { ...REQUEST, pickupLocation: 'Atlantis 1' },
    'body.pickupLocation',
  );
  badBody(
    'the dropoff at the pickup',
    { ...REQUEST, dropOffLocation: REQUEST.pickupLocation },
    'body.dropOffLocation',
  );
  badBody('a deadline in the past', { ...REQUEST, deadline: '2026-11-23T11:59:59Z' }, 'body.deadline');
  badBody('a deadline now', { ...REQUEST, deadline: NOW }, 'body.deadline');
  badBody('a deadline that is no time', { ...REQUEST, deadline: 'tomorrow' }, 'body.deadline');
  badBody(
    'a pickup after the deadline',
    { ...REQUEST, pickupTime: '2026-11-23T15:00:00Z', deadline: '2026-11-23T14:00:00Z' },
    'body.pickupTime',
  );
  badBody('a weight of 0', parcel({ weight: 0 }), 'body.packageInfo.weight');
  badBody('a negative weight', parcel({ weight: -1 }), 'body.packageInfo.weight');
  badBody('a weight that is text', parcel({ weight: '1' }), 'body.packageInfo.weight');
  bad(
    'a weight of 1e400',
    { raw: json.replace('"weight":1.5', '"weight":1e400') },
    400,
    'invalid_request',
    'body.packageInfo.weight',
  );
  badBody('a size that there is not', parcel({ size: 'Huge' }), 'body.packageInfo.size');
  badBody('a size number that there is not', parcel({ size: 7 }), 'body.packageInfo.size');
  badBody('an id that leaves its path', parcel({ packageId: '../x' }), 'body.packageInfo.packageId');
  bad(
    'a place outside the service area',
    { body: { ...REQUEST, pickupLocation: { latitude: 1, longitude: 1 } } },
    422,
    'not_serviceable',
    'body.pickupLocation',
  );
  bad('over 256 KiB', { raw: json + ' '.repeat(256 * 1024) }, 413, 'body_too_large', 'body');
  bad(
    'a content type that is not JSON',
    { raw: json, headers: { 'content-type': 'text/plain' } },
    415,
    'unsupported_media_type',
    'header.content-type',
  );
  bad(
    'an Idempotency-Key without end',
    { headers: { 'idempotency-key': 'k'.repeat(256) } },
    400,
    'invalid_request',
    'header.idempotency-key',
  );
  bad('another account as the owner', { as: customer('fabrikam') }, 403, 'forbidden', 'body.ownerId');
  bad('an operator, who belongs to no account', { as: operator }, 403, 'forbidden');
  bad('no token', async () => ({ headers: {} }), 401, 'token_missing');
  bad('no bearer token', async () => ({ headers: { authorization: 'Basic eDp5' } }), 401, 'token_missing');
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  bad('a token that is none', async () => bearer('a.b.c'), 401, 'token_invalid');
  bad('a token of another issuer', async () => bearer(await theirs.tokenFor('alice')), 401, 'issuer_unknown');
  bad(
    'an expired token',
    async () => bearer(await ours.tokenFor('alice', { ttl: -60 })),
    401,
    'token_expired',
  );

  test.each(cases)('%s', async (_, make, status, code, path) => {
    const options = await make();
    const anonymous = status === 401;
    const { as: _as, ...request } = { as: customer('contoso'), body: REQUEST, ...options };
    const answer = await harness.request(
      contract.submitRequest,
      anonymous ? request : { as: _as, ...request },
    );
    expect(answer).toMatchObject({
      status,
      headers: { 'content-type': 'application/problem+json' },
      body: { status, code, type: `urn:fabrikam:problem:${code}` },
    });
    if (path) expect(answer.body?.['errors']).toContainEqual(expect.objectContaining({ path }));
    if (anonymous) expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(harness.published).toEqual([]);
  });

  test('a good token of ours is let in, as who it names', async () => {
    const headers = { authorization: `Bearer ${await ours.tokenFor('alice')}` };
    const answer = await harness.request(contract.submitRequest, { body: REQUEST, headers });
    expect(answer.status).toBe(202);
    expect(harness.published[0]?.message.body).toMatchObject({ request: { owner: { userId: 'alice' } } });
  });

  test('every wrong field is named at once, up to a number, and no answer repeats what was sent', async () => {
    const { body } = await submit({ ...REQUEST, expedited: 1, packageInfo: { size: 'Small', weight: 0 } });
    expect(body?.['errors']).toHaveLength(2);
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`field-${index}`, 1]));
    expect((await submit({ ...REQUEST, ...many })).body?.['errors']).toHaveLength(20);
    const secret = await submit(undefined, { raw: '{"password": hunter2}' });
    expect(JSON.stringify(secret.body)).not.toContain('hunter2');
  });
});

describe('an Idempotency-Key', () => {
  const keyed = (key: string, body: unknown = REQUEST, as = customer('contoso')) =>
    submit(body, { headers: { 'idempotency-key': key }, as });
  const deliveries = () => new Set(harness.published.map(({ message }) => message.key));

  test('twice makes one delivery with the same answer, however its fields are ordered', async () => {
    const first = await keyed('twice');
    const again = await keyed('twice', Object.fromEntries(Object.entries(REQUEST).toReversed()));
    expect(again).toEqual(first);
    expect(deliveries().size).toBe(1);
  });

  test('ten times at the same moment makes one delivery with the same answer', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => keyed('at once')));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(202));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(deliveries().size).toBe(1);
  });

  test('is good after the deadline, too: the answer is the same', async () => {
    const body = { ...REQUEST, deadline: new Date(harness.clock.now.getTime() + 60_000).toISOString() };
    const first = await keyed('late', body);
    harness.clock.advance(120);
    expect(await keyed('late', body)).toEqual(first);
  });

  test('with another body is refused, also at the same moment', async () => {
    await keyed('other');
    const other = { ...REQUEST, confirmationRequired: 'Picture' };
    expect(await keyed('other', other)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
    const race = await Promise.all([keyed('race'), keyed('race', other)]);
    expect(race.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 422]);
  });

  test('belongs to its user: a colleague with the same key and body has a delivery of her own', async () => {
    const headers = { 'idempotency-key': 'shared by chance' };
    const alice = await submit(REQUEST, { as: customer('contoso', 'alice'), headers });
    const anna = await submit(REQUEST, { as: customer('contoso', 'anna'), headers });
    expect([alice.status, anna.status]).toEqual([202, 202]);
    expect(anna.body?.['deliveryId']).not.toBe(alice.body?.['deliveryId']);
  });

  test('belongs to its account', async () => {
    const [ours, theirs] = [
      await keyed('shared'),
      await keyed('shared', { ...REQUEST, ownerId: 'fabrikam' }, customer('fabrikam')),
    ];
    expect(theirs.status).toBe(202);
    expect(theirs.body?.['deliveryId']).not.toBe(ours.body?.['deliveryId']);
  });

  test('without one, two requests are two deliveries', async () => {
    expect(await idOf()).not.toBe(await idOf());
  });
});

describe('while the hub is away', () => {
  const stored = async () => {
    const { items } = await harness.database
      .store<{ id: string; status: string; type: string }>('requests')
      .query<{ id: string; status: string }>("SELECT * FROM c WHERE c.type = 'request'", {});
    return items;
  };

  test('a real publisher without a broker: 503 with Retry-After, after the account and the broker had less than 2 s in all', async () => {
    const settings = {
      EVENTHUBS:
        'Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true',
    };
    const publisher = createPublisher(
      { ...settings, EVENTHUBS__fullyQualifiedNamespace: undefined },
      harness.deps('ingestion').credential,
    );
    // What is waited for has a bound, and the bounds are what counts: how long a busy machine takes is no fault.
    const bounds: (number | undefined)[] = [];
    harness.add('ingestion', (deps) =>
      ingestionService({
        ...deps,
        publisher: {
          ...publisher,
          publish: (hub, messages, options) => {
            bounds.push(options?.timeoutMs);
            return publisher.publish(hub, messages, options);
          },
        },
        call: ((route, options) => {
          bounds.push(options?.timeoutMs);
          return deps.call(route, options);
        }) as typeof deps.call,
      }),
    );
    try {
      const answer = await submit();
      expect(bounds).toHaveLength(2);
      expect(bounds.reduce<number>((sum, bound) => sum + (bound ?? Infinity), 0)).toBeLessThan(2_000);
      expect(answer).toMatchObject({ status: 503, body: { code: 'dependency_unavailable' } });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    } finally {
      await publisher[Symbol.asyncDispose]();
      harness.add('ingestion', ingestionService);
    }
  });

  test('without a key the request is abandoned: should its message have arrived, nothing comes of it', async () => {
    const before = new Set((await stored()).map(({ id }) => id));
    harness.broker.away = true;
    expect((await submit()).status).toBe(503);
    const [left] = (await stored()).filter(({ id }) => !before.has(id));
    expect(left?.status).toBe('abandoned');
    const deliveryId = String(left?.id);
    expect((await accept(deliveryId)).body).toEqual({ accepted: false });
    const status = await harness.request(contract.getRequest, {
      as: customer('contoso'),
      params: { deliveryId },
    });
    expect(status.body).toMatchObject({ state: 'Abandoned' });
    harness.broker.away = false;
    expect((await idOf()) === deliveryId).toBe(false);
    expect(harness.published).toHaveLength(1);
    const cancel = { as: customer('contoso'), params: { deliveryId } };
    expect((await harness.request(contract.cancelRequest, cancel)).status).toBe(409);
  });

  test('with a key the retry carries the same delivery, which the scheduler takes', async () => {
    const headers = { 'idempotency-key': 'retry' };
    harness.broker.away = true;
    expect((await submit(REQUEST, { headers })).status).toBe(503);
    harness.broker.away = false;
    const answers = [await submit(REQUEST, { headers }), await submit(REQUEST, { headers })];
    expect(new Set(answers.map(({ body }) => body?.['deliveryId'])).size).toBe(1);
    expect((await accept(String(answers[0]?.body?.['deliveryId']))).body).toEqual({ accepted: true });
  });

  test('a message that arrived though its acknowledgement did not, and that the scheduler has taken: 202 after all', async () => {
    harness.add('ingestion', (deps) =>
      ingestionService({
        ...deps,
        publisher: {
          ...deps.publisher,
          publish: async (hub, messages) => {
            await deps.publisher.publish(hub, messages);
            expect((await accept(String(messages[0]?.key))).body).toEqual({ accepted: true });
            throw new AppError('dependency_unavailable', 'no acknowledgement in time');
          },
        },
      }),
    );
    const answer = await submit();
    harness.add('ingestion', ingestionService);
    expect(answer.status).toBe(202);
    expect(harness.published).toHaveLength(1);
  });

  test('the failed send of a second call with the key takes nothing from the first, which succeeded', async () => {
    const headers = { 'idempotency-key': 'one of two' };
    const first = await submit(REQUEST, { headers });
    harness.broker.away = true;
    expect((await submit(REQUEST, { headers })).status).toBe(503);
    expect((await accept(String(first.body?.['deliveryId']))).body).toEqual({ accepted: true });
    expect((await submit(REQUEST, { headers })).status).toBe(202);
  });

  test('an abandoning wins over both the taking and the publication at the same moment, or over neither', async () => {
    const { createRequestRepository } = await import('./repository.ts');
    const repository = createRequestRepository(harness.database);
    const template = await repository.find('contoso', await idOf());
    if (!template) throw new Error('the request was not recorded');
    for (let round = 0; round < 10; round++) {
      const id = `race-${round}`;
      await repository.record({ ...template, id, pending: true });
      const [taken, published, abandoned] = await Promise.all([
        repository.take('contoso', id),
        repository.markPublished('contoso', id),
        repository.abandon('contoso', id),
      ]);
      expect({ taken, published }).toEqual({ taken: !abandoned, published: !abandoned });
      expect(await repository.take('contoso', id)).toBe(taken);
    }
  });
});

describe('the status', () => {
  const status = (deliveryId: string, as = customer('contoso')) =>
    harness.request(contract.getRequest, { as, params: { deliveryId } });

  test('works from the 202 on, and shows the workflow once there is one', async () => {
    const deliveryId = await idOf();
    expect(await status(deliveryId)).toMatchObject({
      status: 200,
      body: { deliveryId, state: 'Recorded', step: 'recorded', request: { deliveryId, ownerId: 'contoso' } },
    });
    workflow = { deliveryCreated: true, fence: 7, carrier: 'drone', droneId: 'drone-1' };
    const { body } = await status(deliveryId);
    expect(body).toMatchObject({
      state: 'Processing',
      droneId: 'drone-1',
      delivery: `http://127.0.0.1:1/api/deliveries/${deliveryId}`,
    });
    expect(body).not.toHaveProperty('fence');
    expect(body).not.toHaveProperty('pastPivot');
  });

  test('shows the places and times of a granted reschedule (W5)', async () => {
    const deliveryId = await idOf();
    const plan = {
      pickup: { latitude: 47.61, longitude: -122.31, altitude: 0 },
      dropoff: { latitude: 47.62, longitude: -122.32, altitude: 0 },
      deadline: '2026-11-24T12:00:00.000Z',
    };
    workflow = { plan, reschedule: 'rescheduled' };
    expect(await status(deliveryId)).toMatchObject({
      body: {
        reschedule: 'rescheduled',
        request: { pickupLocation: plan.pickup, dropOffLocation: plan.dropoff, deadline: plan.deadline },
      },
    });
  });

  test('shows errors and acts of operators to operators only (W11, W19)', async () => {
    const deliveryId = await idOf();
    const position = { state: 'Processing' as const, step: 'reserveDrone', generation: 1 };
    const at = '2026-11-23T12:00:01.000Z';
    const act = {
      by: 'olivia',
      action: 'nudge' as const,
      reason: 'rude words',
      at,
      before: position,
      after: position,
    };
    workflow = { lastError: 'reserveDrone: internal: secret', audit: [act] };
    for (const as of [customer('contoso'), admin('contoso')]) {
      const { body } = await status(deliveryId, as);
      expect(body).not.toHaveProperty('lastError');
      expect(JSON.stringify(body)).not.toMatch(/secret|rude|olivia/);
    }
    expect((await status(deliveryId, operator)).body).toMatchObject({ lastError: workflow.lastError });
  });

  test('tells customers the end in one sentence with a code, and operators each reason (W18)', async () => {
    const deliveryId = await idOf();
    const reasons = ['3 drones: too heavy', 'carrier-1: weight 60 kg exceeds 25 kg'];
    const at = '2026-11-23T12:00:01.000Z';
    workflow = { outcome: { kind: 'rejected', code: 'no_drone_or_courier', reasons, at } };
    const sentence = 'No drone and no courier could take this delivery in time.';
    const shown = { kind: 'rejected', code: 'no_drone_or_courier', sentence, at };
    for (const as of [customer('contoso'), admin('contoso')]) {
      const { body } = await status(deliveryId, as);
      expect(body?.['outcome']).toEqual({ ...shown, reasons: [sentence] });
    }
    expect((await status(deliveryId, operator)).body?.['outcome']).toEqual({ ...shown, reasons });
  });

  test('another account’s id is 404 everywhere; an operator sees all', async () => {
    const deliveryId = await idOf();
    harness.published.length = 0;
    const as = admin('fabrikam');
    const params = { deliveryId };
    const body = { deadline: '2027-01-01T00:00:00Z' };
    expect((await status(deliveryId, as)).status).toBe(404);
    expect((await harness.request(contract.cancelRequest, { as, params })).status).toBe(404);
    expect((await harness.request(contract.rescheduleRequest, { as, params, body })).status).toBe(404);
    expect((await status('nobody-asked-for-this')).status).toBe(404);
    expect((await status(deliveryId, service('fabrikam'))).status).toBe(404);
    expect((await status(deliveryId, operator)).status).toBe(200);
    expect(harness.published).toEqual([]);
  });
});

describe('cancel and reschedule', () => {
  const cancel = (deliveryId: string) =>
    harness.request(contract.cancelRequest, { as: customer('contoso'), params: { deliveryId } });
  const reschedule = (deliveryId: string, body: unknown) =>
    harness.request(contract.rescheduleRequest, { as: customer('contoso'), params: { deliveryId }, body });

  test('travel under the delivery’s key, with the operation as property', async () => {
    const deliveryId = await idOf();
    expect(await cancel(deliveryId)).toMatchObject({ status: 202, body: { deliveryId } });
    const moved = await reschedule(deliveryId, { dropoffLocation: at(0.2, 0.2) });
    expect(moved.headers['location']).toContain(deliveryId);
    expect(harness.published.slice(1).map(({ message }) => message)).toMatchObject([
      { key: deliveryId, properties: { operation: 'cancel' }, body: { operation: 'cancel', deliveryId } },
      {
        key: deliveryId,
        properties: { operation: 'reschedule' },
        body: { operation: 'reschedule', change: { dropoff: { ...at(0.2, 0.2), altitude: 0 } } },
      },
    ]);
    const ids = harness.published.map(({ message }) => (message.body as { messageId: string }).messageId);
    expect(new Set(ids).size).toBe(3);
  });

  test.each([
    ['the package is on board', { pastPivot: true }, 'package_on_board'],
    ['the delivery has ended', { outcome: { kind: 'completed', reasons: [], at: NOW } }, 'conflict'],
  ] as const)('answer 409 where it is known that %s', async (_, known, code) => {
    const deliveryId = await idOf();
    workflow = known as unknown as Partial<WorkflowView>;
    harness.published.length = 0;
    expect(await cancel(deliveryId)).toMatchObject({ status: 409, body: { code } });
    expect((await reschedule(deliveryId, { deadline: '2027-01-01T00:00:00Z' })).status).toBe(409);
    expect(harness.published).toEqual([]);
  });

  test('are taken in while the workflow cannot be asked: the status will tell', async () => {
    const deliveryId = await idOf();
    workflow = new AppError('dependency_unavailable', 'away');
    expect((await cancel(deliveryId)).status).toBe(202);
  });

  test.each([
    [{}, 'body'],
    [{ colour: 'red' }, 'body.colour'],
    [{ deadline: '2026-11-01T00:00:00Z' }, 'body.deadline'],
    [{ pickupLocation: { latitude: 91, longitude: 0 } }, 'body.pickupLocation.latitude'],
    [{ pickupLocation: at(0.5, 0.5), dropOffLocation: at(0.5, 0.5) }, 'body.dropOffLocation'],
  ])('a reschedule to %j is refused at %s', async (body, path) => {
    const answer = await reschedule(await idOf(), body);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path }] } });
  });

  test('the hub away is 503 with Retry-After', async () => {
    const deliveryId = await idOf();
    harness.broker.away = true;
    const answer = await cancel(deliveryId);
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('2');
  });
});

/** Mirror Lake, by the city's own map. */
const LAKE = { latitude: 47.6202, longitude: -122.2747 };

describe('what the service does not do yet, or cannot do, is refused with 422 and nothing is published (W2, W4, W17, D3)', () => {
  test.each([
    ['a pickup time', { pickupTime: '2026-11-23T15:00:00Z' }, 'body.pickupTime'],
    ['a pickup time long past', { pickupTime: '2001-01-01T00:00:00Z' }, 'body.pickupTime'],
    ['an expedited delivery', { expedited: true }, 'body.expedited'],
    ['a tonne', { packageInfo: { size: 'Large', weight: 900 } }, 'body.packageInfo.weight'],
    ['a pickup from a lake', { pickupLocation: LAKE }, 'body.pickupLocation'],
    ['a dropoff into a lake', { dropOffLocation: LAKE }, 'body.dropOffLocation'],
  ])('%s', async (_, change, path) => {
    const answer = await submit({ ...REQUEST, ...change });
    expect(answer).toMatchObject({ status: 422, body: { code: 'not_serviceable', errors: [{ path }] } });
    expect(harness.published).toEqual([]);
  });

  test('a reschedule to a time, or into a lake', async () => {
    const deliveryId = await idOf();
    harness.published.length = 0;
    for (const body of [{ pickupTime: '2026-11-23T15:00:00Z' }, { dropOffLocation: LAKE }]) {
      const options = { as: customer('contoso'), params: { deliveryId }, body };
      expect(await harness.request(contract.rescheduleRequest, options)).toMatchObject({
        status: 422,
        body: { errors: [{ path: `body.${Object.keys(body)[0]}` }] },
      });
    }
    expect(harness.published).toEqual([]);
  });
});

describe('an account that may not ship is refused when it asks (W20)', () => {
  afterAll(() => {
    harness.answer(checkAdmission, async () => ({ status: 200 as const, body: { held: 0, quota: 1 } }));
  });
  beforeEach(() => harness.clock.advance(ADMISSION_MS / 1000));
  const { ownerId: _owner, ...asked } = REQUEST;
  const quote = () => harness.request(contract.quote, { as: customer('contoso'), body: asked });

  test.each(['account_suspended', 'over_quota', 'account_unknown'] as const)('%s', async (code) => {
    harness.answer(checkAdmission, async () => {
      throw new AppError(code, 'no');
    });
    expect(await submit()).toMatchObject({ status: 403, body: { code } });
    expect(await quote()).toMatchObject({ status: 403, body: { code } });
    expect(harness.published).toEqual([]);
  });

  test('as the user who asks; and an account service that is away refuses nobody', async () => {
    const asked: unknown[] = [];
    harness.answer(checkAdmission, async ({ params, query }) => {
      asked.push([params.accountId, query.userId]);
      throw new AppError('dependency_unavailable', 'away');
    });
    expect((await submit(REQUEST, { as: customer('contoso', 'google-oauth2|1') })).status).toBe(202);
    expect(asked).toEqual([['contoso', 'google-oauth2|1']]);
  });
});

describe('a quote', () => {
  const eta = { at: NOW, earliest: NOW, latest: NOW };
  const { ownerId: _owner, ...asked } = REQUEST;
  const quote = (more: object = {}) =>
    harness.request(contract.quote, { as: customer('contoso'), body: { ...asked, ...more } });

  test('is a drone’s by distance, weight and speed; a carrier’s cheapest where no drone can; else one sentence for each; not known where a carrier is silent (W18, W26)', async () => {
    let refusals: RefusalGroup[] = [{ code: 'too_heavy', count: 3 }];
    let silent: string[] = [];
    harness.answer(quoteDrone, async ({ body }) =>
      body.weight < 5
        ? {
            status: 200 as const,
            body: { feasible: true, refusals: [], distance: 2000, pickupEta: eta, deliveryEta: eta },
          }
        : { status: 200 as const, body: { feasible: false, refusals } },
    );
    const offer = (carrierId: string, amount: number) => {
      return { carrierId, price: { amount, currency: 'USD' }, pickupEta: eta, deliveryEta: eta };
    };
    harness.answer(quoteCarriers, async ({ body }) => ({
      status: 200 as const,
      body: {
        offers: body.weight < 50 ? [offer('slow', 30), offer('cheap', 20)] : [],
        refusals: [{ carrierId: 'van', reasons: ['over 50 kg'] }],
        silent,
      },
    }));
    expect((await quote()).body).toMatchObject({ feasible: true, by: 'drone', price: { amount: 5.6 } });
    expect(await quote({ expedited: true })).toMatchObject({
      status: 422,
      body: { code: 'not_serviceable' },
    });
    const heavy = { packageInfo: { size: 'Large', weight: 20 } };
    expect((await quote(heavy)).body).toMatchObject({ by: 'third-party', price: { amount: 20 } });
    const absurd = async () => (await quote({ packageInfo: { size: 'Large', weight: 90 } })).body;
    const tooHeavy = 'the package is too large or too heavy for a drone';
    expect(await absurd()).toEqual({
      feasible: false,
      code: 'not_serviceable',
      reasons: [tooHeavy, 'no courier can carry the package'],
    });
    refusals = [{ code: 'reserved', count: 11 }, ...refusals];
    expect((await absurd())?.['reasons']).toContain('no drone can fly the delivery now');
    silent = ['bike'];
    expect(await absurd()).toEqual({
      feasible: null,
      code: 'currently_unknown',
      reasons: ['no drone can fly the delivery now', 'a courier did not answer: try again in a moment'],
    });
  });

  test('for no way at all is refused', async () => {
    const answer = await quote({ dropOffLocation: REQUEST.pickupLocation });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ path: 'body.dropOffLocation' }] } });
  });
});
