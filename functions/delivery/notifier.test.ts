import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as contract from '../../shared/contracts/deliveries.ts';
import type { CloudEvent } from '../../shared/contracts/events.ts';
import { createSender } from '../../shared/outbound/sender.ts';
import { admin, customer, type Harness, operator, startHarness } from '../../tests/harness/service.ts';
import { type Deliveries, deliveriesOf } from './delivery.fixture.ts';
import { deliveryService } from './delivery.functions.ts';
import { createNotificationRepository } from './notifications.ts';
import { createNotifier, type Notifier, type NotifierDeps } from './notifier.ts';
import { createDeliveryRepository } from './repository.ts';
import type { NotificationDocument } from './schemas.ts';

let harness: Harness;
let deliveries: Deliveries;
let notifier: Notifier;
let server: Server;
let origin: string;
/** What each path answers next; 200 when nothing is said. */
const moods = new Map<string, (number | 'hang')[]>();
const received: {
  path: string;
  body: Record<string, unknown>;
  text: string;
  headers: Record<string, string>;
  eventId: unknown;
}[] = [];
/** Paths that begin with `/never` get no answer. */
let silent = true;
/** Every path that was called, before its body is read. */
const called: string[] = [];

const KEYS = ['the-newer-signing-key-of-this-test-file', 'the-older-signing-key-of-this-test-file'];

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = request.url ?? '';
    called.push(path);
    void text(request).then((body) => {
      received.push({
        path,
        text: body,
        body: JSON.parse(body) as Record<string, unknown>,
        headers: request.headers as Record<string, string>,
        eventId: request.headers['x-fabrikam-event-id'],
      });
      const mood = moods.get(path)?.shift() ?? (silent && path.startsWith('/never') ? 'hang' : 200);
      if (mood !== 'hang') response.writeHead(mood, mood === 302 ? { location: '/elsewhere' } : {}).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  harness = await startHarness({
    containers: ['deliveries'],
    settings: {
      NOTIFY_RELAY_URL: `${origin}/relay`,
      WEBHOOK_SIGNING_KEYS: KEYS.join(','),
      OUTBOUND_ALLOW_LOOPBACK: 'true',
      MAX_SUBSCRIPTIONS_PER_DELIVERY: '300',
      MAX_SUBSCRIPTIONS_PER_DAY: '700',
    },
  });
  harness.add('delivery', deliveryService);
  deliveries = deliveriesOf(harness);
  notifier = notifierWith();
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await harness[Symbol.asyncDispose]();
});

/** A process of its own, as far as notifications are concerned. */
function notifierWith(more: Partial<NotifierDeps> = {}): Notifier {
  const deps = {
    deliveries: createDeliveryRepository(harness.database),
    notifications: createNotificationRepository(harness.database),
    sender: createSender({ allowLoopback: true }),
    random: () => 0,
    timeoutMs: 1_000,
    ...more,
  };
  return createNotifier(deps, harness.deps('delivery'));
}
const announce = async (what: CloudEvent, by = notifier) => {
  await by.announce(what);
  await by.settled();
};
const sendDue = async (by = notifier) => {
  await by.sendDue();
  await by.settled();
};
const notifyMe = (deliveryId: string, body: object, as = customer('contoso')) =>
  harness.request(contract.notifyMe, { as, params: { deliveryId }, body });
const event = (deliveryId: string, sequence = 1): CloudEvent => ({
  specversion: '1.0',
  id: `${deliveryId}-${sequence}`,
  source: '/services/delivery',
  type: 'DeliveryHeadedToPickup',
  subject: deliveryId,
  time: '2026-11-23T12:00:00Z',
  datacontenttype: 'application/json',
  data: { deliveryId, sequence },
});
const subscribers = (deliveryId: string, accountId: string, count: number) => ({
  id: 'subscriptions' as const,
  type: 'subscriptions' as const,
  deliveryId,
  accountId,
  subscriptions: Array.from({ length: count }, (_, index) => ({
    id: `s${index}`,
    webhook: `${origin}/never/${deliveryId}/${index}`,
  })),
});
const at = (path: string) => received.filter((each) => each.path === path);
const stored = async (deliveryId: string) => {
  const sql = "SELECT * FROM c WHERE c.type = 'notification'";
  const { items } = await harness.database
    .store<NotificationDocument>('deliveries')
    .query<NotificationDocument>(sql, {}, { partitionKey: deliveryId });
  return items
    .map(({ url, status, attempts }) => `${new URL(url).pathname} ${status} ${attempts}`)
    .toSorted();
};

describe('a notification', () => {
  test('goes to every subscriber with the event and its id, once, no matter how often the event arrives (N4)', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: `${origin}/once` });
    await notifyMe(deliveryId, { webhook: `${origin}/once` });
    await notifyMe(deliveryId, { emailAddress: 'ann@example.com', sms: '+1 555 0100' });
    for (const _ of [1, 2]) await announce(event(deliveryId));
    await Promise.all([announce(event(deliveryId)), sendDue()]);
    expect(at('/once')).toMatchObject([{ body: { id: `${deliveryId}-1` }, eventId: `${deliveryId}-1` }]);
    expect(at('/relay')).toMatchObject([
      { body: { emailAddress: 'ann@example.com', sms: '+1 555 0100', event: { id: `${deliveryId}-1` } } },
    ]);
  });

  test('that fails is sent again after a pause, ever longer, until the receiver has it (N1)', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: `${origin}/flaky` });
    moods.set('/flaky', [500, 429, 503]);
    await announce(event(deliveryId));
    const counts: number[] = [];
    for (const seconds of [14, 1, 29, 1, 60]) {
      harness.clock.advance(seconds);
      await sendDue();
      counts.push(at('/flaky').length);
    }
    expect(counts).toEqual([1, 2, 2, 3, 4]);
    harness.clock.advance(7200);
    await sendDue();
    expect(at('/flaky')).toHaveLength(4);
    expect(await stored(deliveryId)).toEqual(['/flaky Sent 4']);
  });

  test.each([400, 404, 410, 302])(
    'that is answered %i: refused is given up, a redirection not followed',
    async (status) => {
      const deliveryId = await deliveries.create();
      const path = `/refuses-${status}`;
      await notifyMe(deliveryId, { webhook: `${origin}${path}` });
      moods.set(path, Array(3).fill(status));
      await announce(event(deliveryId));
      expect(await stored(deliveryId)).toEqual([`${path} ${status === 302 ? 'Due' : 'GivenUp'} 1`]);
      expect(called).toContain(path);
      expect(called).not.toContain('/elsewhere');
    },
  );

  test('is not kept from one receiver by another that is down or silent; theirs is given up in the end (D3)', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: 'http://127.0.0.1:1/down' });
    await notifyMe(deliveryId, { webhook: `${origin}/silent` });
    await notifyMe(deliveryId, { webhook: `${origin}/well` });
    moods.set('/silent', ['hang']);
    await announce(event(deliveryId));
    expect(await stored(deliveryId)).toEqual(['/down Due 1', '/silent Due 1', '/well Sent 1']);
    let hours = 0;
    for (; hours < 40 && (await stored(deliveryId))[0]?.startsWith('/down Due'); hours++) {
      harness.clock.advance(3600);
      await sendDue();
    }
    expect(hours).toBe(24);
    expect(await stored(deliveryId)).toEqual(['/down GivenUp 25', '/silent Sent 2', '/well Sent 1']);
  });

  test('is sent once by two rounds at the same moment, and by a round where the first process died', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: `${origin}/orphan` });
    const real = createNotificationRepository(harness.database);
    const add: typeof real.add = async (documents) => {
      await real.add(documents);
      throw new Error('the process died here');
    };
    const first = notifierWith({ notifications: { ...real, add } });
    await expect(first.announce(event(deliveryId))).rejects.toThrow('died');
    await announce(event(deliveryId));
    expect(at('/orphan')).toHaveLength(0);
    harness.clock.advance(31);
    const others = [notifierWith(), notifierWith(), notifierWith()];
    await Promise.all(others.map((other) => sendDue(other)));
    expect(at('/orphan')).toHaveLength(1);
  });

  test('that one process is sending is left alone by another (N3)', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: `${origin}/slow` });
    moods.set('/slow', ['hang']);
    await notifier.announce(event(deliveryId));
    await expect.poll(() => at('/slow').length).toBe(1);
    harness.clock.advance(10);
    await sendDue(notifierWith());
    expect(at('/slow')).toHaveLength(1);
    await notifier.settled();
  });

  test('that fails is repeated after a pause that differs from receiver to receiver', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: `${origin}/jitter` });
    moods.set('/jitter', [500]);
    const jittery = notifierWith({ random: () => 0.99 });
    await announce(event(deliveryId), jittery);
    harness.clock.advance(17);
    await sendDue(jittery);
    expect(at('/jitter')).toHaveLength(1);
    harness.clock.advance(1);
    await sendDue(jittery);
    expect(at('/jitter')).toHaveLength(2);
  });

  test('is signed with each key, for its account only, and again at each attempt', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: `${origin}/signed` });
    moods.set('/signed', [500]);
    await announce(event(deliveryId));
    harness.clock.advance(60);
    await sendDue();
    const read = (accountId: string) => harness.request(contract.getWebhookSecrets, { as: admin(accountId) });
    const answer = await read('contoso');
    expect(answer.headers['cache-control']).toBe('no-store');
    const secrets = answer.body?.['secrets'] as string[];
    const verified = (key: string, { headers, text: body }: (typeof received)[number]) => {
      const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
      const bytes = Buffer.from(key.replace('whsec_', ''), 'base64');
      const signature = `v1,${createHmac('sha256', bytes).update(signed).digest('base64')}`;
      return (headers['webhook-signature'] ?? '').split(' ').includes(signature);
    };
    const arrived = at('/signed');
    expect(arrived.map(({ headers }) => headers['webhook-id'])).toEqual([
      `${deliveryId}-1`,
      `${deliveryId}-1`,
    ]);
    expect(new Set(arrived.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(2);
    for (const each of arrived) expect(secrets.map((secret) => verified(secret, each))).toEqual([true, true]);
    const theirs = (await read('tailwind')).body?.['secrets'] as string[];
    expect(theirs.some((secret) => arrived.some((each) => verified(secret, each)))).toBe(false);
    const denied = await harness.request(contract.getWebhookSecrets, { as: customer('contoso') });
    expect(denied.status).toBe(403);
  });

  test('is of deliveries only', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: `${origin}/other` });
    await announce({ ...event(deliveryId), type: 'DroneAssigned' });
    expect(await stored(deliveryId)).toEqual([]);
  });
});

describe('asking to be told', () => {
  test('is for the account, and needs an address', async () => {
    const deliveryId = await deliveries.create();
    const webhook = `${origin}/x`;
    expect((await notifyMe(deliveryId, { webhook })).status).toBe(204);
    expect((await notifyMe(deliveryId, { webhook }, customer('fabrikam'))).status).toBe(404);
    expect((await notifyMe(deliveryId, { webhook }, operator)).status).toBe(403);
    for (const body of [{}, { webhook: 'ftp://x/y' }, { emailAddress: 'nobody' }, { sms: 'call me' }]) {
      expect((await notifyMe(deliveryId, body)).status).toBe(400);
    }
  });

  test.each([
    ['https://169.254.169.254/latest', 'must be a public address'],
    ['https://[::ffff:10.0.0.1]/', 'must be a public address'],
    ['http://receiver.example/', 'must begin with https://'],
    ['https://user:word@receiver.example/', 'must not contain a user name or password'],
  ])('by a webhook at %s is refused', async (webhook, message) => {
    const deliveryId = await deliveries.create();
    expect(await notifyMe(deliveryId, { webhook })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', errors: [{ path: 'body.webhook', message }] },
    });
    const long = await notifyMe(deliveryId, { webhook: `${origin}/${'x'.repeat(2_048)}` });
    expect(long).toMatchObject({ status: 400, body: { errors: [{ path: 'body.webhook' }] } });
  });

  test('is limited for a delivery, and the same request again does not count', async () => {
    const deliveryId = await deliveries.create();
    const deps = harness.deps('delivery');
    const settings = { ...deps.settings, MAX_SUBSCRIPTIONS_PER_DELIVERY: 3 };
    harness.add('delivery', () => deliveryService({ ...deps, settings }));
    const ask = (index: number) => notifyMe(deliveryId, { webhook: `${origin}/limited/${index}` });
    const answers = await Promise.all([0, 1, 2, 3, 4, 5].map(ask));
    const again = await Promise.all([0, 1, 2, 3, 4, 5].map(ask));
    harness.add('delivery', deliveryService);
    for (const each of [answers, again]) {
      expect(each.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
        204, 204, 204, 409, 409, 409,
      ]);
    }
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'limit_reached' });
    await announce(event(deliveryId));
    expect(called.filter((path) => path.startsWith('/limited/'))).toHaveLength(3);
  });

  test('is limited for an account and day', async () => {
    const deps = harness.deps('delivery');
    const settings = { ...deps.settings, MAX_SUBSCRIPTIONS_PER_DAY: 4 };
    harness.add('delivery', () => deliveryService({ ...deps, settings }));
    const owner = { userId: 'lena', accountId: 'litware' };
    const ask = async (_: unknown, index: number) =>
      notifyMe(await deliveries.create({ owner }), { webhook: `${origin}/${index}` }, customer('litware'));
    const answers = await Promise.all(Array.from({ length: 7 }, ask));
    harness.clock.advance(24 * 3600);
    const tomorrow = await ask(undefined, 8);
    harness.add('delivery', deliveryService);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      204, 204, 204, 204, 429, 429, 429,
    ]);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.body).toMatchObject({ code: 'too_many_requests' });
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
    expect(tomorrow.status).toBe(204);
  });

  test('needs a signing key', async () => {
    const deliveryId = await deliveries.create();
    const deps = harness.deps('delivery');
    const settings = { ...deps.settings, WEBHOOK_SIGNING_KEYS: [] };
    harness.add('delivery', () => deliveryService({ ...deps, settings }));
    const answer = await notifyMe(deliveryId, { webhook: `${origin}/unsigned` });
    harness.add('delivery', deliveryService);
    expect(answer).toMatchObject({ status: 422, body: { code: 'not_serviceable' } });
  });

  test('by e-mail or SMS needs the relay', async () => {
    const deliveryId = await deliveries.create();
    const { settings, ...deps } = harness.deps('delivery');
    const { NOTIFY_RELAY_URL: _relay, ...without } = settings;
    harness.add('delivery', () => deliveryService({ ...deps, settings: without }));
    const answer = await notifyMe(deliveryId, { emailAddress: 'ann@example.com' });
    harness.add('delivery', deliveryService);
    expect(answer).toMatchObject({ status: 422, body: { code: 'not_serviceable' } });
  });
});

describe('a flood of notifications', () => {
  test('to 600 silent receivers of one account delays nobody else’s, nor the batch (D1, D2, N2)', async () => {
    const own = notifierWith({ timeoutMs: 5_000 });
    const flooded = [await deliveries.create(), await deliveries.create()];
    for (const deliveryId of flooded) {
      const stored = createDeliveryRepository(harness.database);
      await stored.saveSubscriptions(subscribers(deliveryId, 'northwind', 300), undefined);
    }
    const other = await deliveries.create({ owner: { userId: 'tara', accountId: 'tailwind' } });
    await notifyMe(other, { webhook: `${origin}/other-account` }, customer('tailwind'));
    const flood = Promise.all(flooded.map((each) => own.announce(event(each))));
    await own.announce(event(other));
    await expect.poll(() => at('/other-account').length, { timeout: 2_000, interval: 10 }).toBe(1);
    await flood;
    expect(called.filter((path) => path.startsWith('/never')).length).toBeLessThanOrEqual(4);
    silent = false;
    server.closeAllConnections();
    await own.settled();
  });
});
