import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as contract from '../../shared/contracts/deliveries.ts';
import type { CloudEvent } from '../../shared/contracts/events.ts';
import { customer, type Harness, operator, startHarness } from '../../tests/harness/service.ts';
import { type Deliveries, deliveriesOf } from './delivery.fixture.ts';
import { deliveryService } from './delivery.functions.ts';
import { createNotifier, type Notifier } from './notifier.ts';
import { createDeliveryRepository } from './repository.ts';
import type { NotificationDocument } from './schemas.ts';

let harness: Harness;
let deliveries: Deliveries;
let notifier: Notifier;
let server: Server;
let origin: string;
/** What each path answers next; 200 when nothing is said. */
const moods = new Map<string, (number | 'hang')[]>();
const received: { path: string; body: Record<string, unknown>; eventId: unknown }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    void json(request).then((body) => {
      const path = request.url ?? '';
      received.push({
        path,
        body: body as Record<string, unknown>,
        eventId: request.headers['x-fabrikam-event-id'],
      });
      const mood = moods.get(path)?.shift() ?? 200;
      if (mood !== 'hang') response.writeHead(mood, mood === 302 ? { location: '/elsewhere' } : {}).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  harness = await startHarness({
    containers: ['deliveries'],
    settings: { NOTIFY_RELAY_URL: `${origin}/relay` },
  });
  harness.add('delivery', deliveryService);
  deliveries = deliveriesOf(harness);
  notifier = createNotifier(createDeliveryRepository(harness.database), harness.deps('delivery'));
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await harness[Symbol.asyncDispose]();
});

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
  test('goes to everybody who asked, with the event and its id, once however often the event comes', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: `${origin}/once` });
    await notifyMe(deliveryId, { webhook: `${origin}/once` });
    await notifyMe(deliveryId, { emailAddress: 'ann@example.com', sms: '+1 555 0100' });
    for (const _ of [1, 2]) await notifier.announce(event(deliveryId));
    await Promise.all([notifier.announce(event(deliveryId)), notifier.sendDue()]);
    expect(at('/once')).toMatchObject([{ body: { id: `${deliveryId}-1` }, eventId: `${deliveryId}-1` }]);
    expect(at('/relay')).toMatchObject([
      { body: { emailAddress: 'ann@example.com', sms: '+1 555 0100', event: { id: `${deliveryId}-1` } } },
    ]);
  });

  test('that fails is sent again after a pause, ever longer, until the receiver has it', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: `${origin}/flaky` });
    moods.set('/flaky', [500, 429, 503]);
    await notifier.announce(event(deliveryId));
    const counts: number[] = [];
    for (const seconds of [14, 1, 29, 1, 60]) {
      harness.clock.advance(seconds);
      await notifier.sendDue();
      counts.push(at('/flaky').length);
    }
    expect(counts).toEqual([1, 2, 2, 3, 4]);
    harness.clock.advance(7200);
    await notifier.sendDue();
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
      await notifier.announce(event(deliveryId));
      expect(await stored(deliveryId)).toEqual([`${path} ${status === 302 ? 'Due' : 'GivenUp'} 1`]);
      expect(at('/elsewhere')).toEqual([]);
    },
  );

  test('is not kept from one receiver by another that is down or silent; theirs is given up in the end', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: 'http://127.0.0.1:1/down' });
    await notifyMe(deliveryId, { webhook: `${origin}/silent` });
    await notifyMe(deliveryId, { webhook: `${origin}/well` });
    moods.set('/silent', ['hang']);
    await notifier.announce(event(deliveryId));
    expect(await stored(deliveryId)).toEqual(['/down Due 1', '/silent Due 1', '/well Sent 1']);
    for (let round = 0; round < 20; round++) {
      harness.clock.advance(3600);
      await notifier.sendDue();
    }
    expect(await stored(deliveryId)).toEqual(['/down GivenUp 14', '/silent Sent 2', '/well Sent 1']);
  });

  test('is sent once by two rounds at the same moment, and by a round where the first process died', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: `${origin}/orphan` });
    const real = createDeliveryRepository(harness.database);
    const dying = { ...real, notification: () => Promise.reject(new Error('the process died here')) };
    const first = createNotifier(dying, harness.deps('delivery'));
    await expect(first.announce(event(deliveryId))).rejects.toThrow('died');
    await notifier.announce(event(deliveryId));
    expect(at('/orphan')).toHaveLength(0);
    harness.clock.advance(31);
    await Promise.all([notifier.sendDue(), notifier.sendDue(), notifier.sendDue()]);
    expect(at('/orphan')).toHaveLength(1);
  });

  test('is of deliveries only', async () => {
    const deliveryId = await deliveries.create();
    await notifyMe(deliveryId, { webhook: `${origin}/other` });
    await notifier.announce({ ...event(deliveryId), type: 'DroneAssigned' });
    expect(await stored(deliveryId)).toEqual([]);
  });
});

describe('asking to be told', () => {
  test('is for the account, and names somebody', async () => {
    const deliveryId = await deliveries.create();
    const webhook = `${origin}/x`;
    expect((await notifyMe(deliveryId, { webhook })).status).toBe(204);
    expect((await notifyMe(deliveryId, { webhook }, customer('fabrikam'))).status).toBe(404);
    expect((await notifyMe(deliveryId, { webhook }, operator)).status).toBe(403);
    for (const body of [{}, { webhook: 'ftp://x/y' }, { emailAddress: 'nobody' }, { sms: 'call me' }]) {
      expect((await notifyMe(deliveryId, body)).status).toBe(400);
    }
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
