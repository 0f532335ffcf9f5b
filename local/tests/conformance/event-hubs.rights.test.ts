import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { EventHubConsumerClient, EventHubProducerClient, type TokenCredential } from '@azure/event-hubs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Authority, openAuthority } from '../../certificates.ts';
import { createTokenVerifier } from '../../event-hubs/tokens.ts';
import { type IdentityServer, startIdentity } from '../../identity/server.ts';
import {
  failureOf,
  type Harness,
  LISTENER,
  ONCE,
  ROOT,
  SENDER,
  startHarness,
} from '../support/event-hubs.ts';
import { ask, connectRaw, detachment } from '../support/raw-amqp-client.ts';

const AUDIENCE = 'https://eventhubs.azure.net';
let folder: string;
let authority: Authority;
let identity: IdentityServer;
let harness: Harness;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'event-hubs-rights-'));
  authority = openAuthority(join(folder, 'tls'));
  setDefaultCACertificates([...getCACertificates('default'), authority.certificate]);
  identity = await startIdentity({
    port: 0,
    dataDir: join(folder, 'identity'),
    clients: [],
    resources: [AUDIENCE, 'https://other.test'],
    principals: ['sends', 'receives', 'owns', 'nobody'].map((id) => ({ id, name: id, roles: [] })),
  });
  harness = await startHarness(
    { orders: { partitions: 2 }, secrets: { partitions: 1 } },
    {
      tls: authority.issue(),
      verifyToken: createTokenVerifier({
        issuer: identity.issuer,
        audience: AUDIENCE,
        roles: { sends: { orders: 'sender' }, receives: { orders: 'receiver' }, owns: { '*': 'owner' } },
      }),
    },
  );
  await harness.send('orders', ['first'], { partitionId: '0' });
});

afterAll(async () => {
  await harness.close();
  await identity.close();
  await rm(folder, { recursive: true });
});

const send = (connection: string, hub = 'orders') =>
  harness.producer(hub, ONCE, connection).sendBatch([{ body: 1 }], { partitionId: '0' });

describe('event-hubs: shared access keys', () => {
  test('a key with Send sends', () => send(harness.connection(SENDER)));

  test('a key with Send does not listen', async () => {
    const failure = await harness.errorOf('orders', { connection: harness.connection(SENDER) });
    expect(failure.message).toMatch(/unauthorized/i);
  });

  test('a key with Listen listens', async () => {
    expect(await harness.read('orders', 1, { connection: harness.connection(LISTENER) })).toHaveLength(1);
  });

  test('a key with Listen does not send', async () => {
    expect(await failureOf(send(harness.connection(LISTENER)))).toMatchObject({ code: 'UnauthorizedError' });
  });

  test.each([SENDER, LISTENER, ROOT])('a key with any right reads properties: $name', async (key) => {
    const client = harness.producer('orders', ONCE, harness.connection(key));
    expect(await client.getPartitionIds()).toEqual(['0', '1']);
  });

  test('a key with Manage sends and listens', async () => {
    const connection = harness.connection({ ...ROOT });
    await send(connection);
    expect(await harness.read('orders', 1, { connection })).toHaveLength(1);
  });

  test.each([
    ['a wrong key', { ...ROOT, key: 'd3Jvbmc=' }],
    ['a name that is not there', { ...ROOT, name: 'stranger' }],
    ['another one’s name', { ...ROOT, name: 'listener' }],
  ])('%s is UnauthorizedError', async (_, key) => {
    const failure = await failureOf(send(harness.connection(key)));
    expect(failure).toMatchObject({ code: 'UnauthorizedError', retryable: true });
  });
});

/** A signature as a service hands it to a device. */
function signature(resource: string, seconds: number, key = ROOT) {
  const sr = encodeURIComponent(`sb://127.0.0.1:${harness.server.port}/${resource}`);
  const se = Math.floor(Date.now() / 1000) + seconds;
  const sig = encodeURIComponent(createHmac('sha256', key.key).update(`${sr}\n${se}`).digest('base64'));
  return `SharedAccessSignature sr=${sr}&sig=${sig}&se=${se}&skn=${key.name}`;
}

const withSignature = (text: string) =>
  `Endpoint=sb://127.0.0.1:${harness.server.port};SharedAccessSignature=${text};UseDevelopmentEmulator=true`;

describe('event-hubs: shared access signatures', () => {
  test('one for a hub sends to it', () => send(withSignature(signature('orders', 60))));

  test('one for the namespace sends to each hub', async () => {
    await send(withSignature(signature('', 60)));
    await send(withSignature(signature('', 60)), 'secrets');
  });

  test('one for another hub is UnauthorizedError', async () => {
    const failure = await failureOf(send(withSignature(signature('secrets', 60))));
    expect(failure.code).toBe('UnauthorizedError');
  });

  test('one for a hub does not cover a hub whose name begins alike', async () => {
    const failure = await failureOf(send(withSignature(signature('order', 60))));
    expect(failure.code).toBe('UnauthorizedError');
  });

  test('one that has expired is UnauthorizedError', async () => {
    const failure = await failureOf(send(withSignature(signature('orders', -10))));
    expect(failure.code).toBe('UnauthorizedError');
  });

  test('one whose text was changed is UnauthorizedError', async () => {
    const changed = signature('orders', 60).replace(/se=(\d+)/, (_, se) => `se=${Number(se) + 1000}`);
    expect((await failureOf(send(withSignature(changed)))).code).toBe('UnauthorizedError');
  });

  test('a link is detached when its signature expires', async () => {
    const connection = await connectRaw(harness.server.port);
    const answer = await ask(connection, '$cbs', {
      message_id: 'put',
      application_properties: {
        operation: 'put-token',
        type: 'servicebus.windows.net:sastoken',
        name: `sb://127.0.0.1:${harness.server.port}/orders`,
      },
      body: signature('orders', 2),
    });
    expect(answer).toMatchObject({
      correlation_id: 'put',
      application_properties: { 'status-code': 202 },
    });
    const sender = connection.open_sender({ target: { address: 'orders' } });
    await once(sender, 'sendable');
    expect(await detachment(sender)).toMatchObject({ condition: 'amqp:unauthorized-access' });
    connection.close();
  });
});

/** Clients with tokens, over TLS. */
function withToken(who: string, audience = AUDIENCE) {
  const credential: TokenCredential = {
    getToken: async () => ({
      token: await identity.tokenFor(who, { audience }),
      expiresOnTimestamp: Date.now() + 3_600_000,
    }),
  };
  const options = {
    retryOptions: ONCE,
    customEndpointAddress: `sb://localhost:${harness.server.tlsPort}`,
  };
  const producer = (hub = 'orders') => new EventHubProducerClient('namespace.test', hub, credential, options);
  return {
    send: async (hub?: string) => {
      const client = producer(hub);
      try {
        await client.sendBatch([{ body: 'by token' }], { partitionId: '0' });
      } finally {
        await client.close();
      }
    },
    partitions: async () => {
      const client = producer();
      try {
        return await client.getPartitionIds();
      } finally {
        await client.close();
      }
    },
    /** The first event, or the error. */
    receive: async () => {
      const client = new EventHubConsumerClient('$Default', 'namespace.test', 'orders', credential, options);
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const subscription = client.subscribe(
        '0',
        {
          processEvents: async ([event]) => {
            if (event) resolve(event.body);
          },
          processError: async (error) => resolve(error),
        },
        { maxBatchSize: 1, maxWaitTimeInSeconds: 1, startPosition: { offset: '-1' } },
      );
      const outcome = await promise;
      await subscription.close();
      await client.close();
      return outcome;
    },
  };
}

describe('event-hubs: Entra tokens', () => {
  test('Data Sender sends', () => withToken('sends').send());

  test('Data Sender does not receive', async () => {
    expect(String(await withToken('sends').receive())).toMatch(/unauthorized/i);
  });

  test('Data Receiver receives', async () => {
    expect(await withToken('receives').receive()).toBe('first');
  });

  test('Data Receiver does not send', async () => {
    expect(await failureOf(withToken('receives').send())).toMatchObject({ code: 'UnauthorizedError' });
  });

  test.each(['sends', 'receives', 'owns'])('any role reads properties: %s', async (who) => {
    expect(await withToken(who).partitions()).toEqual(['0', '1']);
  });

  test('Data Owner of the namespace sends and receives in each hub', async () => {
    await withToken('owns').send();
    await withToken('owns').send('secrets');
    expect(await withToken('owns').receive()).toBe('first');
  });

  test('a role holds for its hub only', async () => {
    expect(await failureOf(withToken('sends').send('secrets'))).toMatchObject({ code: 'UnauthorizedError' });
  });

  test('a principal without a role does nothing, not even read properties', async () => {
    expect(await failureOf(withToken('nobody').send())).toMatchObject({ code: 'UnauthorizedError' });
    expect(await failureOf(withToken('nobody').partitions())).toMatchObject({ code: 'UnauthorizedError' });
  });

  test('a token for another audience is UnauthorizedError', async () => {
    const failure = await failureOf(withToken('sends', 'https://other.test').send());
    expect(failure.code).toBe('UnauthorizedError');
  });

  test('shared access keys are taken over TLS, too', async () => {
    const connection = harness
      .connection()
      .replace(`127.0.0.1:${harness.server.port}`, `localhost:${harness.server.tlsPort}`)
      .replace(';UseDevelopmentEmulator=true', '');
    const client = harness.producer('orders', ONCE, connection);
    expect(await client.getPartitionIds()).toEqual(['0', '1']);
  });

  test('a token without TLS is refused', async () => {
    const connection = await connectRaw(harness.server.port);
    const { application_properties: properties } = await ask(connection, '$cbs', {
      message_id: 'put',
      application_properties: { operation: 'put-token', type: 'jwt', name: 'sb://localhost/orders' },
      body: await identity.tokenFor('owns', { audience: AUDIENCE }),
    });
    expect(properties).toMatchObject({ 'status-code': 401, 'error-condition': 'amqp:unauthorized-access' });
    connection.close();
  });
});

describe('event-hubs: sign-in without $cbs', () => {
  test('SASL PLAIN with a key’s name and the key sends with its rights', async () => {
    const options = { username: SENDER.name, password: SENDER.key };
    const connection = await connectRaw(harness.server.port, options);
    const sender = connection.open_sender({ target: { address: 'orders/Partitions/1' } });
    await once(sender, 'sendable');
    const address = 'orders/ConsumerGroups/$Default/Partitions/1';
    const receiver = connection.open_receiver({ source: { address } });
    expect(await detachment(receiver)).toMatchObject({ condition: 'amqp:unauthorized-access' });
    connection.close();
  });

  test('SASL PLAIN with a wrong key is refused', async () => {
    const options = { username: SENDER.name, password: 'd3Jvbmc=' };
    await expect(connectRaw(harness.server.port, options)).rejects.toThrow(/authenticate/);
  });
});
